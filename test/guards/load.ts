import type { Guard } from './guard.ts';

const inbound = { file: 'src/server/inbound.ts', test: 'test/server/load.test.ts' };
const softNack = { file: 'src/balancer/soft-nack.ts', test: 'test/filters/soft-nack.test.ts' };
const wire = { test: 'test/filters/mesh-load.test.ts' };
const TWICE = 'a call that two servers refuse as busy';
const BACK = 'a call goes back to the server that refused it';
const CHARGED = 'it is charged to nobody';
const RETRIES = 'it works with retries off';

/** What keeps a report of load from misleading anybody, and a soft nack from failing or multiplying a call. */
export const loadGuards: readonly Guard[] = [
  {
    ...inbound,
    failure: 'F51',
    guard: 'if (status < 500 && ',
    without: 'if (',
    name: 'an answer of a server error does not make a process look fast',
  },
  {
    ...inbound,
    failure: 'F61',
    guard: ' && !(ms > timeoutMs)',
    without: '',
    name: 'a request that took longer than its caller waits is no measure',
  },
  {
    failure: 'F61',
    file: 'src/server/load-meter.ts',
    guard: 'now - ms - this.#servedAt',
    without: 'now - this.#servedAt',
    test: 'test/server/load-meter.test.ts',
    name: 'what comes after a pause weighs more, and what was stuck during it does not',
  },
  {
    failure: 'F61',
    file: 'src/balancer/set-health.ts',
    guard: 'if (wasOut) node.forget();',
    without: '',
    test: 'test/balancer/recall.test.ts',
    name: 'F61: one that stood still gets its share again when its probe succeeds',
  },
  {
    ...inbound,
    failure: 'F65',
    guard: ' && keptByCaller(req)',
    without: '',
    name: 'a request whose body is',
  },
  {
    ...inbound,
    failure: 'F111',
    guard: "const meshed = one(headers, 'mesh-caller') !== undefined;",
    without: 'const meshed = true;',
    name: 'a stranger',
  },
  {
    ...softNack,
    failure: 'F65',
    guard: 'root.streamed || ',
    without: '',
    test: 'test/client/native-client.test.ts',
    name: 'a stream whose length the caller knows',
  },
  {
    ...softNack,
    failure: 'F65',
    guard: ' || !root.replayable',
    without: '',
    name: 'a call whose body cannot be sent again asks nobody',
  },
  {
    ...inbound,
    failure: 'F62',
    guard: 'others >= plainNumber',
    without: 'others > plainNumber',
    name: 'a request over its limit is refused',
  },
  {
    failure: 'F62',
    file: 'src/server/load-meter.ts',
    guard: 'const SLOW = 1.3;',
    without: 'const SLOW = 1.05;',
    test: 'test/server/load-meter.test.ts',
    name: '1.3 times what it takes when it is idle',
  },
  {
    ...softNack,
    failure: 'F62',
    file: 'src/balancer/rank.ts',
    guard: ' && !softlyRefused(earlier.error)',
    without: '',
    name: BACK,
  },
  {
    ...softNack,
    failure: 'F62',
    guard: '    if (refusedBy(node, attempt)) return undefined;\n',
    without: '',
    name: BACK,
  },
  {
    ...softNack,
    failure: 'F62',
    guard: 'root.refusals >= MOST_REFUSALS || ',
    without: '',
    name: TWICE,
  },
  {
    ...softNack,
    failure: 'F62',
    file: 'src/filters/propagate.ts',
    guard: "if (attempt > 1) headers.push('mesh-attempt', String(attempt));",
    without: "if (ctx.attempt > 1) headers.push('mesh-attempt', String(ctx.attempt));",
    name: RETRIES,
  },
  {
    ...softNack,
    failure: 'F63',
    file: 'src/filters/retry.ts',
    guard: '    if (busy) return waitMs;\n',
    without: '',
    name: CHARGED,
  },
  {
    ...softNack,
    failure: 'F51',
    file: 'src/filters/classify.ts',
    guard: "  if (softlyRefused(error)) return 'ignorable';\n",
    without: '',
    name: CHARGED,
  },
  {
    ...softNack,
    failure: 'F51',
    file: 'src/filters/classify.ts',
    guard: "nack === 'busy' && ctx.limit !== undefined ?",
    without: "nack === 'busy' ?",
    name: 'a server that refuses what has no limit has failed',
  },
  {
    ...wire,
    failure: 'F106',
    file: 'src/filters/mesh-load.ts',
    guard: '  if (text.length > LONGEST) return undefined;\n',
    without: '',
    name: 'a mesh-load of "3;4;0.5;',
  },
  {
    ...wire,
    failure: 'F106',
    file: 'src/filters/mesh-load.ts',
    guard: '!(rif <= MOST) || !(serviceMs <= MOST)',
    without: 'Number.isNaN(rif) || Number.isNaN(serviceMs)',
    name: 'a mesh-load of "',
  },
  {
    ...wire,
    failure: 'F106',
    file: 'src/filters/orca.ts',
    guard: '  if (header.length > LONGEST) return undefined;\n',
    without: '',
    name: 'an ORCA report of "TEXT',
  },
  {
    ...wire,
    failure: 'F106',
    file: 'src/filters/orca.ts',
    guard: 'value > 0 && value <= MOST ?',
    without: 'true ?',
    name: 'an ORCA report of "TEXT',
  },
];
