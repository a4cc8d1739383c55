import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** One address of loopback behind which another server can be put while clients keep to it. */
export interface TcpSwitch {
  readonly port: number;
  /** Lets no byte pass from now on; connections stay open, and none is lost but by `to`. */
  stall(): void;
  /** Leads to another port, and cuts the connections to the one before. */
  to(port: number): void;
  close(): Promise<void>;
}

/** A switch that leads to `port` of loopback. */
export async function tcpSwitch(port: number): Promise<TcpSwitch> {
  let target = port;
  let stalled = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true).on('error', () => {}); // a 'close' follows
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      keep(from);
      from.pipe(into);
      from.on('close', () => into.destroy());
    }
    if (stalled) for (const socket of [near, far]) stallOne(socket);
  });
  const stallOne = (socket: Socket) => {
    socket.unpipe();
    socket.pause();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    stall() {
      stalled = true;
      for (const socket of sockets) stallOne(socket);
    },
    to(next) {
      target = next;
      stalled = false;
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
