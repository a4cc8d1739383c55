import { expect, test } from 'vitest';
import { parseArguments } from '../../examples/demo/arguments.ts';
import { phases, SLOW_PHASE, STEADY_PHASE } from '../../examples/demo/phases.ts';
import type { CallsReport } from '../../examples/demo/protocol.ts';
import { summary } from '../../examples/demo/summary.ts';
import { tableOf } from '../../examples/demo/table.ts';
import { Tally } from '../../examples/demo/tally.ts';

const report = (phase: number, rest: Partial<CallsReport>): CallsReport => ({
  kind: 'calls',
  phase,
  latencies: [],
  retries: 0,
  served: {},
  failures: {},
  ...rest,
});

function played(): Tally {
  const tally = new Tally();
  tally.add(report(0, { latencies: [10, 30], served: { p1: 1, p2: 1 } }));
  tally.add(
    report(1, { latencies: [20, 20, 20], retries: 1, served: { 'p1′': 1 }, failures: { 'socket hang up': 2 } }),
  );
  tally.add(report(0, { latencies: [20, 90], served: { p2: 1, 'p1′': 1 } }));
  return tally;
}

test('a call is counted once, in the phase of its report, and a failed one is not anybody’s share', () => {
  const tally = played();
  expect(tally.row(0, 'steady')).toEqual({
    phase: 'steady',
    calls: 4,
    failed: 0,
    retries: 0,
    p50Ms: 20,
    p99Ms: 90,
    share: { p1: 0.5, p2: 0.5 },
  });
  expect(tally.row(1, 'restart')).toMatchObject({ calls: 3, failed: 2, retries: 1, share: { p1: 1 } });
  expect(tally.total()).toMatchObject({ calls: 7, failed: 2, retries: 1 });
  expect([...tally.failures]).toEqual([['socket hang up', 2]]);
});

test('a phase without a call is a row of zeros', () => {
  expect(new Tally().row(0, 'steady')).toMatchObject({ calls: 0, failed: 0, p50Ms: 0, p99Ms: 0, share: {} });
});

test('every line of the table is as wide as the others, and an instance that was not there has a dash', () => {
  const tally = played();
  const [head, first, second] = tableOf([tally.row(0, 'steady'), tally.row(1, 'restart')]);
  expect(head).toBe('phase    calls  failed  retries  p50 ms  p99 ms    p1   p2');
  expect(first).toBe('steady       4       0        0    20.0    90.0   50%  50%');
  expect(second).toBe('restart      3       2        1    20.0    20.0  100%    –');
});

test('the table fits a terminal of 80 columns', () => {
  const share = { p1: 0.25, p2: 0.25, p3: 0.25, p4: 0.25 };
  const counts = { calls: 2_400, failed: 0, retries: 10, p50Ms: 20.1, p99Ms: 1_000.1, share };
  for (const line of tableOf(phases.map(({ title }) => ({ phase: title, ...counts })))) {
    expect(line.length).toBeLessThanOrEqual(77);
  }
});

test('the summary says how many calls failed and in which phase', () => {
  const tally = played();
  const rows = [tally.row(0, STEADY_PHASE), tally.row(1, SLOW_PHASE)];
  const measured = { registryAwayMs: 20_000, relistedMs: 1_500, joinedMs: 200 };
  const [outcome, slow] = summary(rows, tally.total(), 75_000, measured).split('\n');
  expect(outcome).toBe(`7 calls in 75.0 s: 2 FAILED (2 in "${SLOW_PHASE}"), 1 were sent again (14.29 %).`);
  expect(slow).toBe('While p2 was 10 times slower its share went from 50 % to –.');
  const good = summary(rows.slice(0, 1), { ...tally.row(0, 'all'), calls: 1_000 }, 75_000, measured);
  expect(good).toContain('1,000 calls in 75.0 s: none failed');
});

test('an argument that is not known is refused', () => {
  expect(parseArguments([])).toEqual({ redis: false, json: false });
  expect(parseArguments(['--json', '--redis'])).toEqual({ redis: true, json: true });
  expect(parseArguments(['--redis', 'extra'])).toBe(undefined);
});
