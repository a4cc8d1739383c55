// What a call costs over HTTP/1.1 and HTTP/2, and what a connection made ahead saves. `node bench/connections.ts [rounds]`, half a minute.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http, { type RequestListener } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import tls from 'node:tls';
import { type ConnectionOptions, createMesh } from '../src/index.ts';
import { type SelfSigned, selfSigned } from '../test/support/certificates.ts';

const AT_A_TIME = 10;
const CALLS = 2_000;
const FIRST_CALLS = 40;
const BODY = JSON.stringify({ name: 'Ann', text: 'x'.repeat(70) });

interface Told {
  readonly ports: Readonly<Record<string, number>>;
  readonly cert: string;
}

/** The servers, in a process of their own: what they cost is not the caller's. */
async function serveAll(): Promise<void> {
  const players: SelfSigned = selfSigned('players');
  const answer: RequestListener = (_req, res) => res.end(BODY);
  const servers: Record<string, Server> = {
    'HTTP/1.1': http.createServer(answer),
    'HTTP/2': http2.createServer((_req, res) => res.end(BODY)),
    'HTTP/1.1, TLS': https.createServer(players, answer),
    'HTTP/2, TLS': http2.createSecureServer(players, (_req, res) => res.end(BODY)),
  };
  const ports: Record<string, number> = {};
  for (const [name, server] of Object.entries(servers)) {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    ports[name] = (server.address() as AddressInfo).port; // it listens on a port
  }
  process.send?.({ ports, cert: players.cert } satisfies Told);
}

function meshOf(name: string, port: number, connections: ConnectionOptions) {
  const url = `${name.endsWith('TLS') ? 'https' : 'http'}://127.0.0.1:${port}`;
  return createMesh({
    self: { service: 'bench' },
    registry: { players: [url] },
    logger: false,
    defaults: { connections: { http: name.startsWith('HTTP/2') ? 2 : 1, ...connections } },
  });
}

const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;

async function measure(rounds: number): Promise<void> {
  const server = fork(import.meta.filename, ['serve']);
  const [told] = (await once(server, 'message')) as [Told]; // what `serveAll` sends
  tls.setDefaultCACertificates([...tls.getCACertificates(), told.cert]);
  const cases = Object.entries(told.ports).map(([name, port]) => {
    const mesh = meshOf(name, port, {});
    return { name, port, mesh, client: mesh.client('players'), costs: [] as number[] };
  });
  for (let round = -1; round < rounds; round++) {
    for (const { client, costs } of cases) {
      const before = process.cpuUsage();
      const worker = async () => {
        for (let i = 0; i < CALLS / AT_A_TIME; i++) await client.get('/').json();
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, worker));
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) costs.push((user + system) / CALLS); // the first only warms up
    }
  }
  console.log(`CPU per call in µs, ${AT_A_TIME} at a time, median of ${rounds} rounds of ${CALLS} calls`);
  for (const { name, costs } of cases) console.log(`  ${name.padEnd(14)} ${median(costs).toFixed(1)}`);
  console.log(`\nA call over a new connection, and over one that there is, in ms; median of ${FIRST_CALLS}`);
  for (const { name, port } of cases) {
    const [first, next]: [number[], number[]] = [[], []];
    for (let i = 0; i < FIRST_CALLS; i++) {
      const mesh = meshOf(name, port, {});
      const client = mesh.client('players');
      for (const took of [first, next]) {
        const before = performance.now();
        await client.get('/').json();
        took.push(performance.now() - before);
        await new Promise((resolve) => setImmediate(resolve)); // undici puts a connection back a little after its response
      }
      await mesh.close();
    }
    console.log(`  ${name.padEnd(14)} ${median(first).toFixed(2)}  ${median(next).toFixed(2)}`);
  }
  await Promise.all(cases.map(({ mesh }) => mesh.close()));
  server.disconnect();
}

if (process.argv[2] === 'serve') {
  process.once('disconnect', () => process.exit());
  await serveAll();
} else {
  await measure(Number(process.argv[2] ?? 21));
}
