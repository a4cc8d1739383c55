import { expect, test } from 'vitest';
import { aims } from '../../bench/sim/aims.ts';
import type { Outcome } from '../../bench/sim/outcome.ts';
import { outcomes } from './made-up.ts';

/** What is said of each aim: what was found, what was promised, and whether that was missed. */
function verdicts(groups: Parameters<typeof aims>[0]): ReadonlyMap<string, readonly string[]> {
  const [, ...rows] = aims(groups).split('\n');
  return new Map(
    rows.map((row) => {
      const [name = '', ...rest] = row.split(/ {2,}/);
      return [name, rest];
    }),
  );
}

/** Outcomes of one scenario in which the oracle has a p99 of 100 ms. */
const ofP99 = (p99s: Readonly<Record<string, number>>) =>
  outcomes({
    hetero: {
      oracle: { p99: 100 },
      ...Object.fromEntries(Object.entries(p99s).map(([policy, p99]) => [policy, { p99 }])),
    },
  });

test('an aim is missed by what is above its bound, and kept at it', () => {
  const kept = verdicts(
    new Map([['latency', ofP99({ recall: 145, 'recall+reports': 144, 'recall+nack': 130, p2c: 145, random: 900 })]]),
  );
  expect(Object.fromEntries(kept)).toMatchObject({
    'recall, p99 ÷ oracle': ['1.45', '≤ 1.45'],
    'recall+reports, p99 ÷ oracle': ['1.44', '≤ 1.45'],
    'recall+nack, p99 ÷ oracle': ['1.30', '≤ 1.30'],
    'recall, worst p99 ÷ oracle (hetero)': ['1.45', '≤ 4.00'],
    'recall+reports, worst p99 ÷ oracle (hetero)': ['1.44', '≤ 4.00'],
    'recall+nack, worst p99 ÷ oracle (hetero)': ['1.30', '≤ 4.00'],
    'latency: recall, p99 ÷ that of the best other picker': ['1.00', '≤ 1.00'],
    'latency: recall+reports, p99 ÷ that of the best other picker': ['0.99', '≤ 1.00'],
    'latency: recall+nack, p99 ÷ that of the best other picker': ['0.90', '≤ 1.00'],
  });
  const missed = verdicts(
    new Map([['latency', ofP99({ recall: 146, 'recall+reports': 401, 'recall+nack': 131, p2c: 140, random: 120 })]]),
  );
  expect(missed.get('recall, p99 ÷ oracle')).toEqual(['1.46', '≤ 1.45', 'missed']);
  expect(missed.get('recall+reports, p99 ÷ oracle')).toEqual(['4.01', '≤ 1.45', 'missed']);
  expect(missed.get('recall+nack, p99 ÷ oracle')).toEqual(['1.31', '≤ 1.30', 'missed']);
  expect(missed.get('recall, worst p99 ÷ oracle (hetero)')).toEqual(['1.46', '≤ 4.00']);
  expect(missed.get('recall+reports, worst p99 ÷ oracle (hetero)')).toEqual(['4.01', '≤ 4.00', 'missed']);
  expect(missed.get('latency: recall, p99 ÷ that of the best other picker')).toEqual(['1.22', '≤ 1.00', 'missed']);
});

test.each(['ladder', 'unseen'])(
  'in the group %s recall is compared with the best of the others, and not with itself',
  (group) => {
    const found = verdicts(new Map([[group, ofP99({ recall: 150, 'recall+nack': 80, p2c: 200, random: 100 })]]));
    expect(found.get(`${group}: recall, p99 ÷ that of the best other picker`)).toEqual(['1.50', '≤ 1.00', 'missed']);
    expect(found.get(`${group}: recall+nack, p99 ÷ that of the best other picker`)).toEqual(['0.80', '≤ 1.00']);
  },
);

test('on the ladder a thousand clients are compared with ten', () => {
  const rung = (recall: number, reports: number) => ({
    oracle: { p99: 10 },
    recall: { p99: recall },
    'recall+reports': { p99: reports },
  });
  const found = verdicts(
    new Map([
      ['ladder', outcomes({ 'clients-1': rung(1, 1), 'clients-10': rung(100, 100), 'clients-1000': rung(145, 146) })],
    ]),
  );
  expect(found.get('ladder: recall, p99 of 1,000 ÷ of 10 clients')).toEqual(['1.45', '≤ 1.45']);
  expect(found.get('ladder: recall+reports, p99 of 1,000 ÷ of 10 clients')).toEqual(['1.46', '≤ 1.45', 'missed']);
});

test.each<[string, string, string, string, number, number]>([
  ['published experiment, success', 'published', 'published', 'recall', 99.93, 99.929],
  ['the same with hedging', 'published', 'published', 'recall+hedging', 99.99, 99.989],
  ['one of ten fails in 1 ms, success', 'success', 'black-hole', 'recall', 99.9, 99.899],
  ['the same with retries', 'success', 'black-hole', 'recall+retries', 100, 99.999],
])('%s: what is below its bound is missed', (name, group, scenarioName, policy, enough, tooLittle) => {
  const found = (success: number) =>
    verdicts(new Map([[group, outcomes({ [scenarioName]: { [policy]: { success } satisfies Partial<Outcome> } })]]));
  expect(Object.fromEntries(found(enough))).toEqual({ [name]: [enough.toFixed(3), `≥ ${enough} %`] });
  expect(Object.fromEntries(found(tooLittle))).toEqual({ [name]: [tooLittle.toFixed(3), `≥ ${enough} %`, 'missed'] });
});

test('what is not whole, or misses its aim by less than is printed, is not told as if it did', () => {
  const told = (success: number) => {
    const of = outcomes({ 'black-hole': { recall: { success }, 'recall+retries': { success } } });
    const found = verdicts(new Map([['success', of]]));
    return [found.get('one of ten fails in 1 ms, success'), found.get('the same with retries')];
  };
  expect(told(99.9996)).toEqual([
    ['99.999', '≥ 99.9 %'],
    ['99.999', '≥ 100 %', 'missed'],
  ]);
  expect(told(99.8997)[0]).toEqual(['99.899', '≥ 99.9 %', 'missed']);
  expect(told(100)[1]).toEqual(['100.000', '≥ 100 %']);
});

test('of what was not run nothing is said', () => {
  expect([...verdicts(new Map()).keys()]).toEqual([]);
  const told = [...verdicts(new Map([['latency', ofP99({ recall: 100 })]])).keys()];
  expect(told).toContain('recall, worst p99 ÷ oracle (hetero)');
  expect(told.filter((name) => /reports|nack|other picker|clients|success/.test(name))).toEqual([]);
});
