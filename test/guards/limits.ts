import type { Guard } from './guard.ts';

const concurrency = { file: 'src/filters/concurrency.ts', test: 'test/filters/concurrency.test.ts', failure: 'F85' };
const adaptive = { file: 'src/server/limit/adaptive-limit.ts', test: 'test/server/limit/admission.test.ts' };
const idle = { file: 'src/server/limit/idle-latency.ts', test: 'test/server/limit/overload.test.ts' };
const overload = { file: 'src/filters/classify.ts', test: 'test/limits-mesh.test.ts' };
const inbound = { file: 'src/server/inbound.ts', test: 'test/server/limits.test.ts' };

/** What keeps a process that is offered too much at work, and reachable for those who have to reach it. */
export const limitGuards: readonly Guard[] = [
  {
    ...concurrency,
    guard: '      ctx.note({ waited: true });\n',
    without: '',
    name: 'the time that a call waited is not that of its attempt',
  },
  {
    ...concurrency,
    guard: '        ctx.onEnd(ended);\n        return undefined;',
    without: '        ended();\n        return undefined;',
    name: 'a call counts until the end of its body',
  },
  {
    ...concurrency,
    guard: '      queue.advance(room);\n',
    without: '',
    name: 'a call above the limit waits with a queue',
  },
  {
    ...concurrency,
    guard: '          leave?.();\n',
    without: '',
    name: 'of those that wait the more important go first',
  },
  {
    ...idle,
    failure: 'F85',
    guard: 'if (now < this.#askAt) return;',
    without: 'return;',
    name: 'F85: a service that became three times slower',
  },
  {
    ...idle,
    failure: 'F85',
    guard: 'BATCH_TIMES * few',
    without: '0',
    name: 'F85: those that end first',
  },
  {
    ...idle,
    failure: 'F85',
    guard: 'Math.max(this.#meanMs || 0, this.#seenMs)',
    without: 'this.#meanMs || 0',
    name: 'F85: requests that take long tell',
  },
  {
    ...adaptive,
    failure: 'F85',
    guard: 'inFlight <= few',
    without: 'true',
    test: 'test/server/limit/overload.test.ts',
    name: 'F85: an overload that lasts for an hour',
  },
  {
    failure: 'F85',
    file: 'src/server/new-connections.ts',
    guard: '      if (socket.destroyed || socket.writableEnded) return;\n',
    without: '',
    test: 'test/server/limits.test.ts',
    name: 'F85: whoever had left when its connection was accepted',
  },
  {
    failure: 'F85',
    file: 'src/server/new-connections.ts',
    guard: 'setImmediate(() => setImmediate(look))',
    without: 'setImmediate(look)',
    test: 'test/server/limits.test.ts',
    name: 'F85: whoever had left when its connection was accepted',
  },
  {
    ...adaptive,
    failure: 'F85',
    guard: 'this.took(ms, inFlight, true, now)',
    without: 'void inFlight',
    name: 'F85: gradient2 falls when requests are given up',
  },
  {
    ...overload,
    failure: 'F85',
    guard: "  if (overloaded(error)) return 'ignorable';\n",
    without: '',
    name: 'F85: a POST that an overloaded instance refused',
  },
  {
    ...overload,
    file: 'src/filters/breaker.ts',
    failure: 'F85',
    guard: "else if (ctx.verdict === 'ignorable' || shared",
    without: 'else if (shared',
    name: 'F85: a service that refuses most calls',
  },
  {
    file: 'src/filters/throttle.ts',
    test: 'test/filters/throttle.test.ts',
    failure: 'F85',
    guard: 'Math.min(MOST, chance)',
    without: 'chance',
    name: 'F85: one that accepts nothing',
  },
  {
    ...inbound,
    failure: 'F67',
    guard: 'clock.now() >= ambient.deadline',
    without: 'clock.now() < 0',
    name: 'F67: one whose time is over when its turn comes',
  },
  {
    ...inbound,
    failure: 'F87',
    guard: 'limits === undefined || limits.exempt(req)',
    without: 'limits === undefined',
    name: 'F87: a request for',
  },
  {
    ...inbound,
    test: 'test/server/limit/protocols.test.ts',
    failure: 'F85',
    guard: 'onResponseEnd(req, res, admitted.ended);',
    without: '',
    name: 'F85: over HTTP/2 a stream that its client resets',
  },
  {
    ...inbound,
    test: 'test/server/limit/protocols.test.ts',
    failure: 'F85',
    guard: 'if (leave !== undefined) onResponseEnd(req, res, leave);',
    without: '',
    name: 'F85: over HTTP/2 one that waits is served',
  },
];
