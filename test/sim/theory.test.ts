import { expect, test, vi } from 'vitest';
import { policyOf } from '../../bench/sim/policy.ts';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { simulate } from '../../bench/sim/simulate.ts';
import { meanOf, moment, type Work } from '../../bench/sim/work.ts';

/**
 * A simulator is believed when it agrees with what is known exactly. Mean times in the system are compared with the formulas of queueing
 * theory; the seeds are fixed, and the runs long enough for the error of chance to be about 1 %.
 */

// They compute for seconds, and for as many more as whatever else runs takes from them.
vi.setConfig({ testTimeout: 120_000 });

const P2C = policyOf('p2c');
const ORACLE = policyOf('oracle');

const one: Scenario = {
  name: 'theory',
  about: 'one server, one client, no network',
  clients: 1,
  servers: 1,
  workers: 1,
  discipline: 'fifo',
  work: { kind: 'exponential', meanMs: 10 },
  offered: { load: 0.6 },
  oneWayMs: 0,
  deadlineMs: Number.POSITIVE_INFINITY,
  durationMs: 6_000_000,
  warmUpMs: 10_000,
};

const within = (value: number, expected: number, ratio = 0.03) => {
  expect(value / expected).toBeGreaterThan(1 - ratio);
  expect(value / expected).toBeLessThan(1 + ratio);
};

/** The chance that a call has to wait for one of `workers`, of which `load` are busy on average (Erlang C). */
function erlangC(workers: number, load: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; k < workers; k++) {
    term *= load / k;
    sum += term;
  }
  const last = (term * load) / workers / (1 - load / workers);
  return last / (sum + last);
}

test.each([0.3, 0.6, 0.8])('M/M/1 at %d: mean and 99th percentile of the time in the system', (load) => {
  const { meanMs, p50, p99, utilisation } = simulate({ ...one, offered: { load } }, P2C, 1);
  const mean = 10 / (1 - load);
  within(meanMs, mean);
  // The time in the system is exponential.
  within(p50, mean * Math.log(2));
  within(p99, mean * Math.log(100));
  within(utilisation, load, 0.01);
});

test.each([
  [2, 0.6],
  [4, 0.8],
  [20, 0.9],
])('M/M/%d at %d: Erlang C', (workers, load) => {
  const durationMs = one.durationMs / workers;
  const scenario: Scenario = { ...one, workers, offered: { load }, durationMs: durationMs * 2 };
  const waits = erlangC(workers, workers * load);
  within(simulate(scenario, P2C, 2).meanMs, 10 + (waits * 10) / (workers * (1 - load)));
});

test('M/M/k of many servers behind one queue: the oracle', () => {
  const scenario: Scenario = {
    ...one,
    servers: 5,
    workers: 4,
    offered: { load: 0.9 },
    durationMs: one.durationMs / 10,
  };
  within(simulate(scenario, ORACLE, 3).meanMs, 10 + (erlangC(20, 18) * 10) / (20 * 0.1));
});

const bimodal: Work = { kind: 'bimodal', shortMs: 5, longMs: 50, longRatio: 0.1 };
const pareto: Extract<Work, { kind: 'pareto' }> = { kind: 'pareto', leastMs: 3, mostMs: 100, alpha: 1.5 };
const lognormal: Work = { kind: 'lognormal', meanMs: 10, sigma: 0.8 };
const constant: Work = { kind: 'constant', ms: 10 };
/** Each kind of work with its second moment, worked out by hand. */
const kinds: readonly (readonly [Work, number])[] = [
  [constant, 100],
  [bimodal, 0.9 * 25 + 0.1 * 2500],
  [lognormal, 100 * Math.exp(0.8 ** 2)],
  [pareto, moment(pareto, 2)],
];

test.each(kinds)('M/G/1 with %o: Pollaczek and Khinchine', (work, second) => {
  const load = 0.6;
  const mean = meanOf(work);
  const wait = ((load / mean) * second) / (2 * (1 - load));
  within(simulate({ ...one, work }, P2C, 4).meanMs, mean + wait);
});

test.each(kinds)('M/G/1 with processor sharing and %o: only the mean of the work matters', (work) => {
  const load = 0.6;
  within(simulate({ ...one, discipline: 'sharing', work }, P2C, 5).meanMs, meanOf(work) / (1 - load));
});

test('the mean of each kind of work is what is drawn', () => {
  for (const work of [
    ...kinds.map(([kind]) => kind),
    { kind: 'normal', meanMs: 20, deviationMs: 20, leastMs: 0.1 },
  ] satisfies Work[])
    within(
      simulate(
        { ...one, workers: Number.POSITIVE_INFINITY, offered: { perSecond: 100 }, work, durationMs: 2_000_000 },
        P2C,
        6,
      ).meanMs,
      meanOf(work),
      0.01,
    );
});
