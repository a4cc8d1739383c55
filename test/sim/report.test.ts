import { expect, test } from 'vitest';
import { outcomesOf, standings } from '../../bench/sim/outcome.ts';
import { descriptions, latencyTables, standingsTable } from '../../bench/sim/report.ts';
import { outcomes, result, scenario } from './made-up.ts';

test('the outcome of a scenario is the mean over its seeds, and calls are added up before shares are taken', () => {
  const [one, other] = [scenario('one'), scenario('other')];
  const results = [
    result({ calls: 100, succeeded: 50, sent: 100, away: 30, meanMs: 10, p50: 1, p99: 20, p999: 40, evenness: 1 }),
    result({ calls: 300, succeeded: 300, sent: 500, away: 30, meanMs: 30, p50: 2, p99: 60, p999: 50, evenness: 2 }),
    result({ calls: 10, succeeded: 9 }),
    result({ calls: 10, succeeded: 10 }),
  ];
  const runs = [
    { scenario: one, policy: 'recall', seed: 1 },
    { scenario: one, policy: 'recall', seed: 2 },
    { scenario: one, policy: 'p2c', seed: 1 },
    { scenario: other, policy: 'recall', seed: 1 },
    // Of this there is no result.
    { scenario: other, policy: 'p2c', seed: 1 },
  ];
  const all = outcomesOf(runs, results);
  expect([...all].map(([name, byPolicy]) => [name, ...byPolicy.keys()])).toEqual([
    ['one', 'recall', 'p2c'],
    ['other', 'recall'],
  ]);
  expect(all.get('one')?.get('recall')).toMatchObject({
    meanMs: 20,
    p50: 1.5,
    p99: 40,
    p999: 45,
    // 350 of 400, and not the mean of 50 and 100.
    success: 87.5,
    evenness: 1.5,
    sent: 1.5,
    away: 10,
  });
  expect([all.get('one')?.get('p2c')?.success, all.get('other')?.get('recall')?.success]).toEqual([90, 100]);
});

/** Twice and eight times as long as the oracle takes, or as long. */
const TWO = outcomes({
  fast: {
    oracle: { meanMs: 5, p99: 10, p999: 20, success: 100 },
    recall: { meanMs: 10, p99: 20, p999: 20, success: 99.5 },
    p2c: { meanMs: 5, p99: 90, p999: 80, success: 100 },
  },
  slow: {
    oracle: { meanMs: 100, p99: 100, p999: 1_000, success: 100 },
    recall: { meanMs: 800, p99: 800, p999: 9_000, success: 98.25 },
    p2c: { meanMs: 100, p99: 400, p999: 1_000, success: 99.9991 },
  },
});

test('beside the oracle a policy stands by the geometric means of its ratios, its worst one, and its least success', () => {
  const close = (value: number): number => expect.closeTo(value, 9) as number; // any number that is close
  expect(standings(TWO)).toEqual([
    { policy: 'recall', mean: close(4), p99: close(4), p999: close(3), worst: 8, worstIn: 'slow', success: 98.25 },
    { policy: 'p2c', mean: close(1), p99: close(6), p999: close(2), worst: 9, worstIn: 'fast', success: 99.9991 },
  ]);
});

test('a scenario in which a policy or the oracle was not run counts for nothing in its standing', () => {
  const standing = standings(
    outcomes({
      both: { oracle: { p99: 10 }, recall: { p99: 20, success: 99 } },
      alone: { recall: { p99: 1_000, success: 10 } },
      other: { oracle: { p99: 1 } },
    }),
  );
  expect(standing).toEqual([expect.objectContaining({ policy: 'recall', worst: 2, worstIn: 'both', success: 99 })]);
  expect(standing[0]?.p99).toBeCloseTo(2, 9);
});

test('the table of standings has a row for each policy but the oracle, and there is none without an oracle', () => {
  expect(standingsTable(TWO).split('\n')).toEqual([
    '÷ oracle, geometric mean over 2 scenarios',
    '',
    '         mean    p99   p99.9   worst p99     in   least success, %',
    'recall   4.00   4.00    3.00        8.00   slow              98.25',
    'p2c      1.00   6.00    2.00        9.00   fast             99.999',
  ]);
  expect(standingsTable(outcomes({ fast: { oracle: {}, recall: {} }, slow: { recall: {} } }))).toBe('');
});

test('what is nearer to 100 than can be told is not rounded to it', () => {
  const made = outcomes({ fast: { recall: { success: 99.9996 }, p2c: { success: 100 } } });
  expect(latencyTables([scenario('fast')], made)).toContain(
    ['success, %', '', '       recall      p2c', 'fast   99.999   100.00'].join('\n'),
  );
});

test('the tables of latencies have a row for each scenario and a column for each policy', () => {
  const made = outcomes({
    fast: {
      oracle: { p50: 1.04, p99: 9.96, p999: 99.94, success: 100, evenness: 1 },
      recall: { p50: 1.06, p99: 100.4, p999: 1_234.6, success: 99.9951, evenness: 1.256 },
    },
    slow: { recall: { p50: 499, p99: 500, p999: 500, success: 98.999, evenness: 2 } },
  });
  const text = latencyTables([scenario('fast'), scenario('slow', { deadlineMs: 500 })], made);
  expect(text.split('\n\n')).toEqual([
    'p50, ms',
    ['       oracle   recall', 'fast      1.0      1.1', 'slow               499'].join('\n'),
    'p99, ms',
    // At the deadline is not a time.
    ['       oracle   recall', 'fast     10.0      100', 'slow                TO'].join('\n'),
    'p99.9, ms',
    ['       oracle   recall', 'fast     99.9     1235', 'slow                TO'].join('\n'),
    'success, %',
    // As many digits as it takes to tell it from 100.
    ['       oracle   recall', 'fast   100.00   99.995', 'slow             99.00'].join('\n'),
    'busiest server ÷ mean',
    ['       oracle   recall', 'fast     1.00     1.26', 'slow              2.00'].join('\n'),
  ]);
});

test('scenarios are described one in a line', () => {
  expect(descriptions([scenario('a'), scenario('longer')])).toBe(
    'a        what a is about\nlonger   what longer is about',
  );
});
