import type { Guard } from './guard.ts';

const health = { file: 'src/balancer/health.ts', test: 'test/balancer/health.test.ts' };
const set = { file: 'src/balancer/set-health.ts', test: 'test/balancer/set-health.test.ts' };

/** What takes an endpoint out, lets it back in, and keeps both from doing harm. */
export const healthGuards: readonly Guard[] = [
  {
    ...health,
    failure: 'F34',
    guard: '} else if (unreachable) {',
    without: '} else if (unreachable && this.#streak < 0) {',
    name: 'F34: an endpoint that cannot be reached',
  },
  {
    ...health,
    failure: 'F49',
    guard: 'if (good < successRatio * total) {',
    without: 'if (good < 0) {',
    name: 'F49: a success rate below 80 %',
  },
  {
    ...set,
    failure: 'F50',
    guard: 'if (this.#outByRate * 2 <= nodes.length) return;',
    without: 'return;',
    name: 'F50: ',
  },
  {
    ...health,
    failure: 'F50',
    guard: 'if (others.spare) this',
    without: 'this',
    name: 'F49: a success rate below 80 %',
  },
  {
    ...health,
    failure: 'F52',
    guard: 'this.#slow?.clear();\n    this.#rampFrom = now;',
    without: 'this.#slow?.clear();',
    name: 'F52: ',
  },
  {
    ...health,
    failure: 'F81',
    guard: '    this.#doublings++;\n    this.#rest(now);\n',
    without: '    this.#doublings++;\n    this.#restUntil = Number.POSITIVE_INFINITY;\n',
    name: 'F81: a probe that never ends',
  },
  {
    ...health,
    failure: 'F81',
    guard: "|| this.fitness(now) !== 'busy') return;",
    without: '|| this.#probe !== undefined) return;',
    name: 'F81: whatever happens',
  },
  {
    ...health,
    failure: 'F86',
    guard: 'now + jittered(this.#random, rest, REST_JITTER)',
    without: 'now + rest',
    name: 'F86: ',
  },
];
