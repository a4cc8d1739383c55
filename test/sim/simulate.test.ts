import { expect, test } from 'vitest';
import { PICKERS } from '../../bench/sim/pickers.ts';
import { policyOf } from '../../bench/sim/policy.ts';
import { randomScenarios } from '../../bench/sim/random-scenario.ts';
import type { Scenario } from '../../bench/sim/scenario.ts';
import { EXPERIMENT, LATENCY, SUCCESS } from '../../bench/sim/scenarios.ts';
import { simulate } from '../../bench/sim/simulate.ts';

const names = Object.keys(PICKERS);
const short = (scenario: Scenario): Scenario => ({ ...scenario, durationMs: 8_000 });
/** Those that a second can hold. */
const latency = LATENCY.filter(({ clients }) => clients <= 20).map(short);
const ORACLE = policyOf('oracle');

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
  for (const scenario of randomScenarios(20, 7).map((one) => ({ ...one, durationMs: 6_000 }))) {
    const { entered, left, utilisation } = simulate(scenario, policyOf('p2c'), 1);
    expect([left, utilisation > 0.2]).toEqual([entered, true]);
  }
});

test.each(names)('%s: every call that was made ended, once', (name) => {
  for (const scenario of [...latency, ...SUCCESS.map(short)])
    for (const options of ['', '+retries+hedging', '+reports+unjudged']) {
      const { calls, succeeded, failed, timedOut, entered, left } = simulate(
        { ...scenario, warmUpMs: 0 },
        policyOf(name + options),
        1,
      );
      expect([left, succeeded + failed + timedOut]).toEqual([entered, entered]);
      expect(calls).toBe(entered);
    }
});

test.each(names)('%s: a central queue is never worse in the mean', (name) => {
  for (const scenario of latency) {
    const bound = simulate(scenario, ORACLE, 3).meanMs;
    expect([scenario.name, simulate(scenario, policyOf(name), 3).meanMs / bound > 0.999]).toEqual([
      scenario.name,
      true,
    ]);
  }
});

test('a server that fails all makes calls fail, and retries mend that', () => {
  const [blackHole] = SUCCESS;
  if (blackHole === undefined) throw new Error('there is no such scenario');
  const scenario = { ...blackHole, durationMs: 10_000 };
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
