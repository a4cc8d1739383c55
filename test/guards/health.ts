import type { Guard } from './guard.ts';

const health = { file: 'src/balancer/health.ts', test: 'test/balancer/health.test.ts' };
const rest = { file: 'src/balancer/rest.ts', test: 'test/balancer/health.test.ts' };
const set = { file: 'src/balancer/set-health.ts', test: 'test/balancer/set-health.test.ts' };

const checker = { file: 'src/balancer/checker.ts', test: 'test/balancer/checker.test.ts' };
const http = { file: 'src/client/checks/http-check.ts', test: 'test/client/checks.test.ts' };

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
    ...health,
    test: set.test,
    failure: 'F61',
    guard: '#long * (LONG - 1)',
    without: '#long * 0',
    name: 'F61: one that hangs is out after two calls',
  },
  {
    ...set,
    failure: 'F61',
    guard: 'tookMs > SLOW_TIMES * node.means.latencyMs.value;',
    without: 'true;',
    name: 'F61: one that hangs is out after two calls',
  },
  {
    ...set,
    failure: 'F61',
    guard: 'const long = tookMs >= LONG_MS && ',
    without: 'const long = ',
    name: 'F61: one that hangs is out after two calls',
  },
  {
    ...health,
    test: set.test,
    failure: 'F61',
    guard: 'this.#streak = 0;\n    this.#long = 0;\n    this.#window ??=',
    without: 'this.#streak = 0;\n    this.#window ??=',
    name: 'F61: a success ends a row of long failures too',
  },
  {
    ...health,
    test: set.test,
    failure: 'F61',
    guard: 'this.#streak = 0;\n    this.#long = 0;\n    this.#window?.clear();',
    without: 'this.#streak = 0;\n    this.#window?.clear();',
    name: 'F61: a success ends a row of long failures too',
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
    ...rest,
    failure: 'F81',
    guard: '    this.#doublings++;\n    this.#begin(now);\n',
    without: '    this.#doublings++;\n    this.#until = Number.POSITIVE_INFINITY;\n',
    name: 'F81: a probe that never ends',
  },
  {
    ...rest,
    failure: 'F81',
    guard: '|| now < this.#until) return;',
    without: '|| this.#probe !== undefined) return;',
    name: 'F81: whatever happens',
  },
  {
    ...rest,
    failure: 'F81',
    guard: 'Math.min(this.#until, now + jittered(this.#random, this.#options.restMs, JITTER))',
    without: 'now',
    name: 'a probe that says nothing',
  },
  {
    failure: 'F81',
    file: 'src/balancer/rank.ts',
    guard: 'ctx.idempotent || node.health.overdue(OVERDUE_MS, now)',
    without: 'ctx.idempotent',
    test: 'test/balancer/pickers.test.ts',
    name: 'where no call can be sent again',
  },
  {
    ...set,
    failure: 'F50',
    guard: 'this.#changed(node, wasOut);\n    this.#takeBack(now);',
    without: 'this.#changed(node, wasOut);',
    name: 'F50: when checks pass again',
  },
  {
    ...rest,
    failure: 'F86',
    guard: 'now + jittered(this.#random, rest, JITTER)',
    without: 'now + rest',
    name: 'F86: ',
  },
  {
    ...checker,
    failure: 'F86',
    guard: 'this.#underWay.size < MOST',
    without: 'this.#underWay.size < Number.POSITIVE_INFINITY',
    name: 'when all hang',
  },
  {
    ...checker,
    failure: 'F86',
    guard: 'jittered(this.#parts.random, this.#pauseMs(), JITTER)',
    without: 'this.#pauseMs()',
    name: 'F86: processes that once check',
  },
  {
    ...checker,
    failure: 'F86',
    guard: '!this.#underWay.has(node.endpoint.id)',
    without: 'node !== undefined',
    name: 'whatever joins, leaves, hangs',
  },
  {
    ...http,
    failure: 'F38',
    guard: "if (nack === 'misdirected') return",
    without: 'if (statusCode < 0) return',
    name: 'F38: ',
  },
  {
    ...http,
    failure: 'F40',
    guard: 'request.destroy(new Error(`no answer',
    without: 'void (new Error(`no answer',
    name: 'F40: ',
  },
  {
    ...http,
    failure: 'F120',
    guard: "protocol === 'https' ? 'secureConnect' : 'connect'",
    without: "'connect'",
    name: 'over TLS the endpoint',
  },
  {
    ...http,
    failure: 'F101',
    guard: '      lookup: scope.lookup,\n',
    without: '',
    name: 'F101: ',
  },
];
