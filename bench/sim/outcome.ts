import type { Run } from './runner.ts';
import type { Result } from './simulate.ts';

/** What came of a scenario under a policy, over all seeds. */
export interface Outcome {
  readonly meanMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Share of the calls that succeeded, in per cent. */
  readonly success: number;
  /** Busy time of the busiest server ÷ the mean. */
  readonly evenness: number;
  /** Requests sent for a call. */
  readonly sent: number;
  /** Share of these that went to another zone, in per cent. */
  readonly away: number;
}

/** By scenario, then by policy, each in the order of the runs. */
export type Outcomes = ReadonlyMap<string, ReadonlyMap<string, Outcome>>;

export function outcomesOf(runs: readonly Run[], results: readonly Result[]): Outcomes {
  const byScenario = new Map<string, Map<string, Result[]>>();
  for (const [index, { scenario, policy }] of runs.entries()) {
    const result = results[index];
    if (result === undefined) continue;
    const byPolicy = entry(byScenario, scenario.name, () => new Map<string, Result[]>());
    entry(byPolicy, policy, () => [] as Result[]).push(result);
  }
  return new Map(
    [...byScenario].map(([name, byPolicy]) => [
      name,
      new Map([...byPolicy].map(([policy, all]) => [policy, over(all)])),
    ]),
  );
}

/** Each figure is the mean of the seeds; calls that succeeded are added up. */
function over(results: readonly Result[]): Outcome {
  const mean = (of: (result: Result) => number) => results.reduce((sum, one) => sum + of(one), 0) / results.length;
  const calls = mean(({ calls }) => calls);
  return {
    meanMs: mean(({ meanMs }) => meanMs),
    p50: mean(({ p50 }) => p50),
    p99: mean(({ p99 }) => p99),
    p999: mean(({ p999 }) => p999),
    success: (100 * mean(({ succeeded }) => succeeded)) / calls,
    evenness: mean(({ evenness }) => evenness),
    sent: mean(({ sent }) => sent) / calls,
    away: (100 * mean(({ away }) => away)) / mean(({ sent }) => sent),
  };
}

/** A policy beside the lower bound, over scenarios. */
export interface Standing {
  readonly policy: string;
  /** Geometric means of the figure ÷ that of the oracle. */
  readonly mean: number;
  readonly p99: number;
  readonly p999: number;
  /** The largest p99 ÷ oracle, and where. */
  readonly worst: number;
  readonly worstIn: string;
  /** The least success in per cent. */
  readonly success: number;
}

export function standings(outcomes: Outcomes): readonly Standing[] {
  const policies = [...(outcomes.values().next().value?.keys() ?? [])].filter((policy) => policy !== 'oracle');
  return policies.map((policy) => {
    const pairs = [...outcomes].flatMap(([scenario, byPolicy]) => {
      const own = byPolicy.get(policy);
      const oracle = byPolicy.get('oracle');
      return own === undefined || oracle === undefined ? [] : [{ scenario, own, oracle }];
    });
    const geometric = (of: (outcome: Outcome) => number) =>
      Math.exp(pairs.reduce((sum, { own, oracle }) => sum + Math.log(of(own) / of(oracle)), 0) / pairs.length);
    const ratios = pairs.map(({ scenario, own, oracle }) => ({ scenario, ratio: own.p99 / oracle.p99 }));
    const worst = ratios.reduce((a, b) => (b.ratio > a.ratio ? b : a), { scenario: '', ratio: 0 });
    return {
      policy,
      mean: geometric(({ meanMs }) => meanMs),
      p99: geometric(({ p99 }) => p99),
      p999: geometric(({ p999 }) => p999),
      worst: worst.ratio,
      worstIn: worst.scenario,
      success: Math.min(...pairs.map(({ own }) => own.success)),
    };
  });
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
