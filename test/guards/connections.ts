import type { Guard } from './guard.ts';

const CONNECTIONS = 'test/client/connections.test.ts';
const HTTP2 = 'test/client/http2.test.ts';

/** How many connections there are, how long they last, and what they speak. */
export const connectionGuards: readonly Guard[] = [
  {
    failure: 'connections',
    file: 'src/client/pool-options.ts',
    guard: '    connections: max,\n',
    without: '',
    test: CONNECTIONS,
    name: 'makes as many connections to an endpoint as it may',
  },
  {
    failure: 'F47',
    file: 'src/client/pool-options.ts',
    guard: '    keepAliveTimeout: idleMs,\n',
    without: '',
    test: CONNECTIONS,
    name: 'closes a connection that nobody uses',
  },
  {
    failure: 'F47',
    file: 'src/client/node-http/kept-sockets.ts',
    guard: 'socket.setTimeout(this.#bySocket.get(socket)?.idleMs ?? this.#settings.idleMs);',
    without: 'socket.setTimeout(4_000);',
    test: CONNECTIONS,
    name: 'closes a connection that nobody uses',
  },
  {
    failure: 'connections',
    file: 'src/client/pool-options.ts',
    guard: 'maxAgeMs === false ? null : Math.ceil(',
    without: 'maxAgeMs !== false ? null : Math.ceil(',
    test: CONNECTIONS,
    name: 'moves to new connections as they age',
  },
  {
    failure: 'connections',
    file: 'src/client/node-http/binding.ts',
    guard:
      "    if (!agents.kept.keeps(response.socket, response.headers['keep-alive'])) request.shouldKeepAlive = false;\n",
    without: '',
    test: CONNECTIONS,
    name: 'moves to new connections as they age',
  },
  {
    failure: 'F89',
    file: 'src/client/target-pools.ts',
    guard: 'if (node.retired)',
    without: 'if (false)',
    test: 'test/client/pools.test.ts',
    name: 'an attempt that comes after its endpoint has left',
  },
  {
    failure: 'connections',
    file: 'src/client/first-connection.ts',
    guard: 'this.#clock.background(this.#idleMs, () => this.#drop())',
    without: 'this.#clock.background(this.#idleMs, () => {})',
    test: CONNECTIONS,
    name: 'are made to one that joins, and closed when no call comes',
  },
  {
    failure: 'F75',
    file: 'src/client/http2-headers.ts',
    guard: "(name === 'te' && value !== 'trailers')",
    without: 'false',
    test: HTTP2,
    name: 'which it does not have, ends no other',
  },
  {
    failure: 'F75',
    file: 'src/client/send-error.ts',
    guard: "  if (refused) return new TransportError(target, endpoint?.id, error, 'safe');\n",
    without: '',
    test: HTTP2,
    name: 'what it refuses was not worked on',
  },
];
