import type { Guard } from './guard.ts';

const odd = 'test/client/odd-responses.test.ts';
const drain = { failure: 'F75', file: 'src/server/server-drain.ts', test: 'test/server/drain.test.ts' };
const underWay = 'F75: a server of HTTP/2 that';
const gotten = { file: 'src/client/node-http/binding.ts', test: odd };

/** What keeps answers that are none, and requests that are no calls, from doing harm. */
export const oddGuards: readonly Guard[] = [
  {
    file: 'src/client/send-error.ts',
    test: 'test/client/http2-floods.test.ts',
    failure: 'F76',
    guard: "  'ERR_HTTP2_TOO_MANY_INVALID_FRAMES', // a server that floods\n",
    without: '',
    name: 'F76: a server that floods its client with empty pieces',
  },
  {
    ...drain,
    guard: '      for (const session of this.#sessions) session.close();\n',
    without: '',
    name: underWay,
  },
  { ...drain, guard: '    if (session !== undefined) this.#keep(session);\n', without: '', name: underWay },
  {
    ...drain,
    guard: "    if (this.#state === 'finish') session.close();\n",
    without: '',
    name: 'F75: a connection of HTTP/2 that is made',
  },
  {
    ...drain,
    guard: '        for (const session of this.#sessions) session.destroy();\n',
    without: '',
    name: 'F75: over HTTP/2, too, what is not finished',
  },
  {
    file: 'src/client/native/streamed-exchange.ts',
    test: odd,
    failure: 'F77',
    guard: 'if (status < 200) return;',
    without: '',
    name: 'F77: what comes before the answer (102, 103) is passed over: streamed',
  },
  {
    file: 'src/client/native/native-error.ts',
    test: odd,
    failure: 'F77',
    guard: "|| met.code === 'UND_ERR_NOT_SUPPORTED'",
    without: '',
    name: 'F77: a request that waits for a 100 is not sent',
  },
  {
    ...gotten,
    failure: 'F78',
    guard: "request.once('upgrade'",
    without: "request.once('upgraded'",
    name: 'F78: a server that switches to another protocol unasked',
  },
  {
    ...gotten,
    failure: 'F78',
    guard: "req.method === 'CONNECT' || headerOf(options.headers, 'upgrade') !== undefined",
    without: 'req.method === undefined',
    name: 'F78: gotten refuses an upgrade',
  },
  {
    file: 'src/filters/health.ts',
    test: 'test/client/unread.test.ts',
    failure: 'F80',
    guard: 'if (late && unread?.(res) === true) {',
    without: 'if (late && unread === undefined) {',
    name: 'F80: a body that nobody reads',
  },
  {
    file: 'src/client/start-call.ts',
    test: 'test/client/unread.test.ts',
    failure: 'F80',
    guard: '  target.unread.made(ctx, startCall);\n',
    without: '',
    name: 'F80: of the next one that nobody reads it is told where its call was made',
  },
  {
    file: 'src/filters/unread-bodies.ts',
    test: 'test/client/unread.test.ts',
    failure: 'F80',
    guard: 'this.#wanted--;',
    without: '',
    name: 'F80: places in the code are kept of a thousand calls',
  },
];
