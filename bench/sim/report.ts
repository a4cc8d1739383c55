import { table } from '../figures.ts';
import { type Outcome, type Outcomes, standings } from './outcome.ts';
import type { Scenario } from './scenario.ts';

/** One figure of all scenarios, by policy. */
function matrix(title: string, outcomes: Outcomes, of: (outcome: Outcome, scenario: string) => string): string {
  const policies = [...new Set([...outcomes.values()].flatMap((byPolicy) => [...byPolicy.keys()]))];
  const rows = [...outcomes].map(([scenario, byPolicy]) => [
    scenario,
    ...policies.map((policy) => {
      const outcome = byPolicy.get(policy);
      return outcome === undefined ? '' : of(outcome, scenario);
    }),
  ]);
  return `${title}\n\n${table(['', ...policies], rows)}`;
}

/** Latencies, success and evenness of a group of scenarios. `TO`: at the deadline. */
export function latencyTables(scenarios: readonly Scenario[], outcomes: Outcomes): string {
  const deadlines = new Map(scenarios.map(({ name, deadlineMs }) => [name, deadlineMs]));
  const time = (value: number, scenario: string) =>
    value >= (deadlines.get(scenario) ?? Number.POSITIVE_INFINITY) - 0.01 ? 'TO' : milliseconds(value);
  return [
    matrix('p50, ms', outcomes, ({ p50 }, scenario) => time(p50, scenario)),
    matrix('p99, ms', outcomes, ({ p99 }, scenario) => time(p99, scenario)),
    matrix('p99.9, ms', outcomes, ({ p999 }, scenario) => time(p999, scenario)),
    matrix('success, %', outcomes, ({ success }) => percent(success)),
    matrix('busiest server ÷ mean', outcomes, ({ evenness }) => evenness.toFixed(2)),
  ].join('\n\n');
}

/** One figure by policy, where there are many of them and few scenarios. */
function byPolicy(title: string, outcomes: Outcomes, of: (outcome: Outcome) => string): string {
  const scenarios = [...outcomes.keys()];
  const policies = [...new Set([...outcomes.values()].flatMap((ofScenario) => [...ofScenario.keys()]))];
  const rows = policies.map((policy) => [
    policy,
    ...scenarios.map((scenario) => {
      const outcome = outcomes.get(scenario)?.get(policy);
      return outcome === undefined ? '' : of(outcome);
    }),
  ]);
  return `${title}\n\n${table(['', ...scenarios], rows)}`;
}

export function successTables(outcomes: Outcomes): string {
  return [
    byPolicy('success, %', outcomes, ({ success }) => percent(success)),
    byPolicy('requests sent per call', outcomes, ({ sent }) => sent.toFixed(3)),
    byPolicy('p50, ms', outcomes, ({ p50 }) => milliseconds(p50)),
    byPolicy('p99, ms', outcomes, ({ p99 }) => milliseconds(p99)),
    byPolicy('p99.9, ms', outcomes, ({ p999 }) => milliseconds(p999)),
    byPolicy('busiest server ÷ mean', outcomes, ({ evenness }) => evenness.toFixed(2)),
  ].join('\n\n');
}

/** Where calls went, and what came of it. */
export function zoneTables(outcomes: Outcomes): string {
  return [
    byPolicy('sent to another zone, %', outcomes, ({ away }) => away.toFixed(2)),
    byPolicy('success, %', outcomes, ({ success }) => percent(success)),
    byPolicy('p50, ms', outcomes, ({ p50 }) => milliseconds(p50)),
    byPolicy('p99, ms', outcomes, ({ p99 }) => milliseconds(p99)),
    byPolicy('p99.9, ms', outcomes, ({ p999 }) => milliseconds(p999)),
    byPolicy('busiest server ÷ mean', outcomes, ({ evenness }) => evenness.toFixed(2)),
  ].join('\n\n');
}

/** Without an oracle there is nothing to compare with. */
export function standingsTable(outcomes: Outcomes): string {
  if (![...outcomes.values()].every((byPolicy) => byPolicy.has('oracle'))) return '';
  const rows = standings(outcomes).map(({ policy, mean, p99, p999, worst, worstIn, success }) => [
    policy,
    ...[mean, p99, p999, worst].map((ratio) => ratio.toFixed(2)),
    worstIn,
    percent(success),
  ]);
  const heading = ['', 'mean', 'p99', 'p99.9', 'worst p99', 'in', 'least success, %'];
  return `÷ oracle, geometric mean over ${outcomes.size} scenarios\n\n${table(heading, rows)}`;
}

export function descriptions(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  return scenarios.map(({ name, about }) => `${name.padEnd(width)}   ${about}`).join('\n');
}

function milliseconds(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

/** With as many digits as it takes to tell it from 100; what is nearer to that is not rounded to it. */
function percent(value: number): string {
  if (value <= 99 || value >= 100) return value.toFixed(2);
  return Math.min(value, 99.999).toFixed(3);
}
