import { connect, createServer, type Socket } from 'node:net';

/** A place on loopback that leads to one Redis, and later to another, as the name or the address of a failover does. */
export interface RedisProxy {
  readonly port: number;
  readonly url: string;
  /** How many connections came so far. */
  readonly connects: number;
  /** Leads new connections to another port. */
  leadTo(port: number): void;
  /** Passes nothing on, in either direction, while the connections stand. */
  stall(): void;
  /** Breaks all connections off; what was stalled is lost. */
  cut(): void;
  close(): Promise<void>;
}

export async function redisProxy(target: number): Promise<RedisProxy> {
  let port = target;
  let connects = 0;
  let stalled = false;
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    connects++;
    const to = connect(port, '127.0.0.1');
    for (const [one, other] of [[from, to] as const, [to, from] as const]) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => {}); // a 'close' follows
      one.on('data', (bytes) => {
        if (!stalled) other.write(bytes);
      });
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const own = typeof address === 'object' && address !== null ? address.port : 0;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    stalled = false;
  };
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    get connects() {
      return connects;
    },
    leadTo: (next) => {
      port = next;
    },
    stall: () => {
      stalled = true;
    },
    cut,
    close: () =>
      new Promise((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  };
}
