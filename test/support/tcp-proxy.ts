import { createServer, connect as dial, type Socket } from 'node:net';

/** Stands between a client and a server of loopback, and does to their connections what a network can. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
  /** Connections that were ever made. */
  readonly made: number;
  /** Holds data back, sockets open, as a network that is partitioned does; with `answers` only what the server says. */
  hold(what?: 'both' | 'answers'): void;
  /** Lets go of all that was held. */
  release(): void;
  /** Breaks every connection; what was held is lost. */
  reset(): void;
  /** Lets each piece of data travel for so long, each way. */
  delay(ms: number): void;
  close(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** Data is held by not reading it, so that both ends feel it; it is never left out, which no network does to a connection that goes on. */
export async function startProxy(target: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let held: 'nothing' | 'both' | 'answers' = 'nothing';
  let delayMs = 0;
  let made = 0;

  const hold = ({ client, server }: Pair) => {
    if (held === 'nothing') server.resume();
    else server.pause();
    if (held === 'both') client.pause();
    else client.resume();
  };
  const pass = (from: Socket, to: Socket) => {
    from.on('data', (data) => {
      if (delayMs === 0) to.write(data);
      else setTimeout(() => to.write(data), delayMs);
    });
    to.on('error', () => {}); // a 'close' follows
    // What was said before it closed still arrives.
    from.on('close', () => to.destroySoon());
  };
  const listener = createServer((client) => {
    made++;
    const pair: Pair = { client, server: dial(target, '127.0.0.1') };
    pairs.add(pair);
    pass(client, pair.server);
    pass(pair.server, client);
    client.once('close', () => pairs.delete(pair));
    hold(pair);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const reset = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  };

  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get open() {
      return pairs.size;
    },
    get made() {
      return made;
    },
    hold(what = 'both') {
      held = what;
      for (const pair of pairs) hold(pair);
    },
    release() {
      held = 'nothing';
      for (const pair of pairs) hold(pair);
    },
    reset,
    delay(ms) {
      delayMs = ms;
    },
    async close() {
      reset();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
