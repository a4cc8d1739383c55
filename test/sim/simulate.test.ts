import { expect, test } from 'vitest';
import { PICKERS } from '../../bench/sim/pickers.ts';
import { policyOf } from '../../bench/sim/policy.ts';
import { randomScenarios } from '../../bench/sim/random-scenario.ts';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { EXPERIMENT, LATENCY, SUCCESS } from '../../bench/sim/scenarios.ts';
import { simulate } from '../../bench/sim/simulate.ts';

const names = [...PICKERS.keys()];
const short = (scenario: Scenario): Scenario => ({ ...scenario, warmUpMs: 500, durationMs: 2_500 });
/** Those that are run in a moment. */
const latency = LATENCY.filter(({ clients }) => clients <= 20).map(short);
const ORACLE = policyOf('oracle');
const bounds = new Map(latency.map((scenario) => [scenario.name, simulate(scenario, ORACLE, 3).meanMs]));

test('the same seed gives the same result, and another seed another', () => {
  for (const scenario of [...latency.slice(0, 3), ...SUCCESS.slice(0, 1).map(short)]) {
    const policy = policyOf('p2c+retries+hedging');
    expect(simulate(scenario, policy, 7)).toEqual(simulate(scenario, policy, 7));
    expect(simulate(scenario, policy, 7).meanMs).not.toBe(simulate(scenario, policy, 8).meanMs);
  }
});

test('the same seed gives the same random scenarios, which can all be run', () => {
  expect(randomScenarios(20, 7)).toEqual(randomScenarios(20, 7));
  expect(randomScenarios(20, 7)).not.toEqual(randomScenarios(20, 8));
  for (const scenario of randomScenarios(20, 7).map((one) => ({ ...one, warmUpMs: 0, durationMs: 500 }))) {
    const { entered, left, utilisation } = simulate(scenario, policyOf('p2c'), 1);
    expect([left, utilisation > 0.2]).toEqual([entered, true]);
  }
});

test.each(['oracle', ...names])('%s: every call that was made ended, once', (name) => {
  const sick = SUCCESS.map((scenario) => ({ ...scenario, durationMs: 6_000 }));
  for (const scenario of [...latency.slice(0, 3), ...sick.slice(0, 1), ...sick.slice(2)])
    for (const options of ['+unjudged', '+retries+hedging+nack']) {
      const all = { ...scenario, warmUpMs: 0 };
      const { calls, succeeded, failed, timedOut, entered, left } = simulate(all, policyOf(name + options), 1);
      expect([left, succeeded + failed + timedOut]).toEqual([entered, entered]);
      expect(calls).toBe(entered);
    }
});

test.each(names)('%s: a central queue is never worse in the mean', (name) => {
  for (const scenario of latency) {
    const ratio = simulate(scenario, policyOf(name), 3).meanMs / (bounds.get(scenario.name) ?? Number.NaN);
    expect([scenario.name, ratio, ratio >= 0.995]).toEqual([scenario.name, ratio, true]);
  }
});

test('more load makes calls take longer, however they are balanced', () => {
  const [uniform] = latency;
  if (uniform === undefined) throw new Error('there is no such scenario');
  for (const name of ['oracle', ...names]) {
    const at = (load: number) => simulate({ ...uniform, offered: { load } }, policyOf(name), 1).meanMs;
    expect([name, at(0.9) > at(0.5)]).toEqual([name, true]);
  }
});

test('a server that refuses is not left with the call, and what it says of its load is heard', () => {
  const small = latency.find(({ name }) => name === 'small3');
  if (small === undefined) throw new Error('there is no such scenario');
  const plain = simulate(small, policyOf('recall+reports'), 1);
  const nack = simulate(small, policyOf('recall+nack'), 1);
  expect([plain.sent, nack.sent > nack.calls, nack.succeeded]).toEqual([plain.calls, true, nack.calls]);
  expect(plain.meanMs).not.toBe(simulate(small, policyOf('recall'), 1).meanMs);
});

test('a server that fails all makes calls fail, and retries mend that', () => {
  const [blackHole] = SUCCESS;
  if (blackHole === undefined) throw new Error('there is no such scenario');
  const scenario = { ...blackHole, durationMs: 7_000 };
  const plain = simulate(scenario, policyOf('p2c+unjudged'), 1);
  const again = simulate(scenario, policyOf('p2c+unjudged+retries'), 1);
  expect(plain.failed / plain.calls).toBeGreaterThan(0.03);
  expect(again.failed).toBeLessThan(plain.failed / 5);
  expect([plain.sent, again.sent > again.calls]).toEqual([plain.calls, true]);
});

test('hedging sends at most 2 % more, and saves calls that a slow server has', () => {
  const [published] = EXPERIMENT;
  if (published === undefined) throw new Error('there is no such scenario');
  const scenario = { ...published, durationMs: 20_000 };
  const plain = simulate(scenario, policyOf('p2c+unjudged'), 1);
  const hedged = simulate(scenario, policyOf('p2c+unjudged+hedging'), 1);
  expect(hedged.sent / hedged.calls).toBeLessThan(1.0201);
  expect(hedged.timedOut).toBeLessThan(plain.timedOut);
});
