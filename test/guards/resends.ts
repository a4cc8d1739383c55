import type { Guard } from './guard.ts';

const retryAfter = {
  failure: 'F74',
  file: 'src/filters/retry-after.ts',
  test: 'test/filters/retry-after.test.ts',
  name: 'F74: ',
};
const keyed = 'a 503 to a POST with an idempotency key is retried elsewhere, body and all (F66)';
const onceRead = 'a stream is not sent again once its first bytes were: the answer is what came (F65)';
const replay = { failure: 'F65', file: 'src/client/node-http/replay-body.ts', test: 'test/client/replay-body.test.ts' };
const race = {
  failure: 'F69',
  file: 'src/core/race.ts',
  test: 'test/filters/schedules.test.ts',
  name: 'F69: whatever comes first',
};
const abort = { failure: 'F70', test: 'test/filters/deadline.test.ts', name: 'F70: an abort of the caller' };

/** What tells what may be sent again, and by when; and what gives a call one end, whoever brings it about. */
export const resendGuards: readonly Guard[] = [
  {
    failure: 'F63',
    file: 'src/filters/retry-budget.ts',
    guard: '    this.#window.add(now, 0, 1);\n',
    without: '    setTimeout(() => this.#window.add(now, 0, 1), 0);\n',
    test: 'test/filters/retry.test.ts',
    name: 'F63: a retry is taken from the budget',
  },
  {
    failure: 'F64',
    file: 'src/client/send-error.ts',
    guard: 'CONNECTING.has(syscall)',
    without: "syscall !== ''",
    test: 'test/client/send-error.test.ts',
    name: 'of a connection that stood may have been executed (F64)',
  },
  {
    failure: 'F64',
    file: 'src/client/native/request.ts',
    guard: '    keyed ||= /^idempotency-key$/i.test(name);\n',
    without: '',
    test: 'test/client/native.test.ts',
    name: keyed,
  },
  {
    failure: 'F64',
    file: 'src/client/node-http/binding.ts',
    guard: " || headerOf(options.headers, 'idempotency-key') !== undefined",
    without: '',
    test: 'test/client/got.test.ts',
    name: keyed,
  },
  {
    failure: 'F64',
    file: 'src/client/fetch/binding.ts',
    guard: " || (headers?.has('idempotency-key') ?? false)",
    without: '',
    test: 'test/client/fetch.test.ts',
    name: keyed,
  },
  {
    failure: 'F64',
    file: 'src/client/native/request.ts',
    guard: 'options.idempotent ?? (keyed || idempotentMethod(method))',
    without: 'keyed || idempotentMethod(method)',
    test: 'test/client/native-client.test.ts',
    name: 'a POST whose caller says that it may run twice is retried',
  },
  {
    failure: 'F65',
    file: 'src/client/native/binding.ts',
    guard: '  call.replayable = false;\n',
    without: '',
    test: 'test/client/native.test.ts',
    name: onceRead,
  },
  {
    failure: 'F65',
    file: 'src/client/node-http/binding.ts',
    guard: '    ctx.root.replayable = false;\n',
    without: '',
    test: 'test/client/got.test.ts',
    name: onceRead,
  },
  { ...replay, guard: '    this.#outgrown();\n', without: '', name: 'what does not fit waits for a connection' },
  {
    ...replay,
    guard: 'this.#size <= MOST_KEPT_BYTES',
    without: 'this.#size >= 0',
    name: 'what does not fit waits for a connection',
  },
  {
    failure: 'F67',
    file: 'src/server/inbound.ts',
    guard: '      expired.add();\n      const late',
    without: '      const late',
    test: 'test/server/inbound.test.ts',
    name: 'ms left is refused before any work (F67)',
  },
  {
    failure: 'F68',
    file: 'src/server/inbound.ts',
    guard: 'Math.min(timeoutMs, LONGEST_TIMEOUT_MS)',
    without: 'timeoutMs',
    test: 'test/server/inbound.test.ts',
    name: 'ms left have that time, at most an hour (F68)',
  },
  {
    failure: 'F68',
    file: 'src/server/request-headers.ts',
    guard: 'value !== undefined && PLAIN_NUMBER.test(value) ? Number(value) : Number.NaN',
    without: 'Number(value)',
    test: 'test/server/inbound.test.ts',
    name: 'F68: a timeout of ',
  },
  {
    ...race,
    guard: '    } else if (this.#over) {\n      late(res, this.#ctx);\n',
    without: '',
  },
  {
    ...race,
    guard: '  hear(reason: Error): void {\n    if (this.#over) return;\n',
    without: '  hear(reason: Error): void {\n',
  },
  {
    ...race,
    guard: '  #end(error: unknown): void {\n    if (this.#over) return;\n',
    without: '  #end(error: unknown): void {\n',
  },
  {
    ...abort,
    file: 'src/client/start-call.ts',
    guard: "  signal.addEventListener('abort', cancel, { once: true });\n",
    without: '',
  },
  {
    ...abort,
    file: 'src/filters/classify.ts',
    guard: "  if (cut !== undefined && !(cut instanceof AttemptTimeoutError)) return 'ignorable';\n",
    without: '',
  },
  { ...retryAfter, guard: "ms > LONGEST_MS ? 'too-long' : ms", without: 'ms' },
  { ...retryAfter, guard: '/^\\d{1,15}$/.test(text) ?', without: "text !== '' && !Number.isNaN(Number(text)) ?" },
  { ...retryAfter, guard: '/^[A-Za-z]{3}/.test(text) && text.length < 64 ?', without: "text !== '' ?" },
  {
    failure: 'F82',
    file: 'src/balancer/hinge.ts',
    guard: '    if (node === undefined) return undefined;\n',
    without:
      "    if (node === undefined) return undefined;\n    if (node.health.out) throw new Error('nobody is well');\n",
    test: 'test/filters/breaker.test.ts',
    name: 'F82: an only endpoint that fails is called',
  },
  {
    failure: 'F86',
    file: 'src/balancer/health.ts',
    guard: 'this.#slow?.clear();\n    this.#rampFrom = now;',
    without: 'this.#slow?.clear();',
    test: 'test/filters/healed-partition.test.ts',
    name: 'F86: ',
  },
  {
    failure: 'F86',
    file: 'src/balancer/rest.ts',
    guard: 'now + jittered(this.#random, rest, JITTER)',
    without: 'now + rest',
    test: 'test/filters/healed-partition.test.ts',
    name: 'F86: ',
  },
];
