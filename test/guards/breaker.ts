import type { Guard } from './guard.ts';

const breaker = { file: 'src/breaker/service-breaker.ts', test: 'test/breaker/service-breaker.test.ts' };
const rest = { file: 'src/breaker/probe-rest.ts', test: 'test/breaker/service-breaker.test.ts' };
const stack = 'test/filters/breaker.test.ts';
const metastable = 'test/filters/metastable.test.ts';

/** What keeps a service cut off while it is down, and no longer. */
export const breakerGuards: readonly Guard[] = [
  {
    ...breaker,
    failure: 'F81',
    guard: '    this.#probe = ctx;\n',
    without: '',
    name: 'F81: half-open lets exactly one',
  },
  {
    ...breaker,
    test: stack,
    failure: 'F81',
    guard: ' && now < this.#probeEndsAt',
    without: '',
    name: 'F81: a probe that never ends does not keep',
  },
  {
    ...breaker,
    test: stack,
    failure: 'F81',
    guard: '    if (ctx === this.#probe) this.#probe = undefined;\n',
    without: '',
    name: 'F81: a probe whose caller goes away',
  },
  {
    ...breaker,
    test: stack,
    failure: 'F82',
    guard: 'this.reason}`',
    without: 'service}`',
    name: 'F82: an only endpoint is cut off',
  },
  {
    ...breaker,
    failure: 'F62',
    guard: '    this.#circuit.open();\n',
    without: '',
    name: 'it opens once nothing has succeeded for a second',
  },
  {
    ...rest,
    failure: 'F86',
    guard: '1 - JITTER * this.#random()',
    without: '1',
    name: 'F86: rests end at different moments',
  },
  {
    ...rest,
    test: metastable,
    failure: 'F62',
    guard: 'Math.max(restMs, SHARE * (now - this.#outageAt))',
    without: '10 * restMs',
    name: 'F62: with retries on, all servers refused',
  },
  {
    file: 'src/filters/retry.ts',
    test: metastable,
    failure: 'F62',
    guard: "    if (failures.long) return 'outage';\n",
    without: '',
    name: 'F62: with retries on, all servers frozen',
  },
  {
    file: 'src/filters/failure-run.ts',
    test: 'test/filters/retry.test.ts',
    failure: 'F62',
    guard: '    if (now - this.#lastAt > WINDOW_MS) this.answered();\n',
    without: '',
    name: 'F62: once twenty attempts in a row failed',
  },
  {
    file: 'src/filters/failure-run.ts',
    test: 'test/filters/retry.test.ts',
    failure: 'F62',
    guard: 'if (startedAt > this.#since) ',
    without: 'if (this.#since < Number.POSITIVE_INFINITY) ',
    name: 'F62: once twenty attempts in a row failed',
  },
  {
    file: 'src/client/target.ts',
    test: metastable,
    failure: 'F86',
    guard: 'for (const { health } of this.nodes.nodes) health.hurry(now);',
    without: 'void now;',
    name: 'F62: with retries on, all servers refused',
  },
];
