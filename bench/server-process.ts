import http from 'node:http';
import type { AddressInfo } from 'node:net';

// The other end of the cases that go over loopback: one process on as many ports as it is told, answering 100 bytes of JSON.
const body = Buffer.from(
  JSON.stringify({ id: 42, name: 'the team', players: [7, 8, 9, 10, 11], note: 'x'.repeat(39) }),
);
const ports: number[] = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
  const server = http.createServer((req, res) => {
    req.resume();
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  // Connections outlive the turns of the other cases, so that no case pays for opening them again.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push((server.address() as AddressInfo).port); // an address, since it listens on a port
}
process.on('disconnect', () => process.exit());
process.send?.(ports);
