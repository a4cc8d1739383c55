import type { Guard } from './guard.ts';

const retry = { file: 'src/filters/retry.ts', test: 'test/filters/retry.test.ts' };
const hedge = { file: 'src/filters/hedge.ts', test: 'test/filters/hedge.test.ts' };
const inbound = { file: 'src/server/inbound.ts', test: 'test/server/inbound.test.ts' };

/** What keeps retries from multiplying, from running anything twice and from outliving their call, and deadlines from being overrun. */
export const retryGuards: readonly Guard[] = [
  {
    ...retry,
    failure: 'F62',
    guard: "    if (ctx.retried && resend !== 'safe') return 'already-retried';\n",
    without: '',
    name: 'F62: a call made for a request that is itself a retry',
  },
  {
    ...retry,
    failure: 'F62',
    guard: "budget.withdraw(now) ? waitMs : 'budget'",
    without: 'waitMs',
    name: 'F62: when everything fails',
  },
  {
    ...retry,
    failure: 'F63',
    guard: "budget.withdraw(now) ? waitMs : 'budget'",
    without: 'waitMs',
    name: 'F63: a retry is taken from the budget',
  },
  {
    ...retry,
    failure: 'F64',
    guard: "resend === 'idempotent' && !ctx.idempotent ? 'never' : resend",
    without: 'resend',
    name: 'F64: a POST that may have been worked on',
  },
  {
    ...retry,
    failure: 'F65',
    guard: "    if (!ctx.replayable) return 'body';\n",
    without: '',
    name: 'F65: a body that cannot be sent again is not',
  },
  {
    ...retry,
    failure: 'F64',
    guard: '    outcome.error.notRetried = ctx.noted.notRetried;\n',
    without: '',
    name: 'F64: why a call was not retried',
  },
  {
    ...retry,
    failure: 'F73',
    guard: "    if (asked === 'too-long') return 'retry-after';\n    const waitMs = asked ??",
    without: "    const waitMs = (asked === 'too-long' ? 9_000 : undefined) ??",
    name: 'F73: Retry-After is obeyed exactly',
  },
  {
    ...hedge,
    failure: 'F72',
    guard: 'else if (!hedging.granted(now)) unpaid.add();',
    without: '',
    name: 'F72: second attempts stay within their budget',
  },
  {
    ...hedge,
    failure: 'F72',
    guard: '            second?.cancel(overtaken);\n',
    without: '',
    name: 'F72: what was overtaken is cancelled',
  },
  {
    ...hedge,
    failure: 'F72',
    file: 'src/balancer/load.ts',
    guard: '    means.sampleMs = GIVEN_UP * ms;\n',
    without: '    return;\n',
    name: 'F72: what was overtaken late tells',
  },
  {
    ...hedge,
    failure: 'F72',
    guard: 'attempt === 1 && idempotent && whole && !retried',
    without: 'attempt === 1',
    name: 'F72: a ',
  },
  {
    failure: 'F74',
    file: 'src/filters/retry-after.ts',
    guard: '  if (!(ms >= 0)) return undefined;\n',
    without: '',
    test: 'test/filters/retry-after.test.ts',
    name: 'F74: Retry-After',
  },
  {
    ...inbound,
    failure: 'F67',
    guard: '    if (timeoutMs <= 0) {',
    without: '    if (timeoutMs < -1e9) {',
    name: 'ms left is refused before any work (F67)',
  },
  {
    failure: 'F67',
    file: 'src/filters/deadline.ts',
    guard: '      if (leftMs <= 0) {',
    without: '      if (leftMs === Number.NEGATIVE_INFINITY) {',
    test: 'test/filters/deadline.test.ts',
    name: 'F67: a call for a request that has expired',
  },
  {
    failure: 'F68',
    file: 'src/filters/propagate.ts',
    guard: 'Math.floor(ctx.deadline - now)',
    without: 'Math.floor(ctx.deadline)',
    test: 'test/filters/deadline.test.ts',
    name: 'F68: the time that is left',
  },
  {
    failure: 'F69',
    file: 'src/filters/attempt-timeout.ts',
    guard: '[LATE]: (res: Res) => discard(res)',
    without: '[LATE]: () => {}',
    test: 'test/filters/deadline.test.ts',
    name: 'F69: a response that comes after',
  },
  {
    failure: 'F70',
    file: 'src/client/start-call.ts',
    guard: "  ctx.onEnd(() => signal.removeEventListener('abort', cancel));\n",
    without: '',
    test: 'test/filters/deadline.test.ts',
    name: 'F70: an abort of the caller',
  },
];
