import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { aims } from './aims.ts';
import { chart } from './chart.ts';
import { type Cost, costs } from './cost.ts';
import { type Outcomes, outcomesOf } from './outcome.ts';
import { PICKERS } from './pickers.ts';
import { policyOf } from './policy.ts';
import { randomScenarios } from './random-scenario.ts';
import { descriptions, latencyTables, standingsTable, successTables, zoneTables } from './report.ts';
import { type Run, runAll } from './runner.ts';
import type { Scenario } from './scenario.ts';
import { EXPERIMENT, LADDER, LATENCY, REAL, SUCCESS, ZONES } from './scenarios.ts';

const { values, positionals } = parseArgs({
  options: {
    /** Of the twenty random scenarios, and of all that happens by chance in the others. */
    seed: { type: 'string', default: '1' },
    /** How often each scenario is run, each time by another seed. */
    runs: { type: 'string' },
    /** A fifth of the time, once: shows that it works, not how good it is. */
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Draws p99 ÷ oracle into this file. */
    svg: { type: 'string' },
  },
  /** Names of scenarios or groups of them, and policies (`recall`, `p2c+retries`); all when there is none of the kind. */
  allowPositionals: true,
});

const seed = Number(values.seed);
const times = Number(values.runs ?? (values.quick ? 1 : 3));
if (!Number.isSafeInteger(seed)) throw new Error(`--seed is a whole number, not '${values.seed}'`);
if (!(Number.isSafeInteger(times) && times > 0)) throw new Error(`--runs is a number above 0, not '${values.runs}'`);

interface Group {
  readonly scenarios: readonly Scenario[];
  readonly policies: readonly string[];
  readonly times: number;
  readonly print: (scenarios: readonly Scenario[], outcomes: Outcomes) => string;
}

const latency = (scenarios: readonly Scenario[], outcomes: Outcomes) =>
  `${latencyTables(scenarios, outcomes)}\n\n${standingsTable(outcomes)}`;
const zones = (_: readonly Scenario[], outcomes: Outcomes) => zoneTables(outcomes);
const success = (_: readonly Scenario[], outcomes: Outcomes) => successTables(outcomes);

const pickers = [...PICKERS.keys()];
const compared = ['oracle', ...pickers, 'recall+reports', 'recall+nack'];
const GROUPS: Readonly<Record<string, Group>> = {
  latency: { scenarios: LATENCY, policies: compared, times, print: latency },
  ladder: { scenarios: LADDER, policies: compared, times, print: latency },
  success: { scenarios: SUCCESS, policies: withOptions('unjudged', 'retries'), times, print: success },
  published: { scenarios: EXPERIMENT, policies: withOptions('unjudged', 'hedging'), times, print: success },
  real: { scenarios: REAL, policies: ['recall+reports', ...pickers], times, print: success },
  zones: {
    scenarios: ZONES,
    policies: ['recall', 'p2c', 'peak-ewma'].flatMap((name) => [name, `${name}+everywhere`]),
    times,
    print: zones,
  },
  unseen: { scenarios: randomScenarios(20, seed), policies: compared, times: 1, print: latency },
};

function withOptions(...options: readonly string[]): readonly string[] {
  return pickers.flatMap((name) => [name, ...options.map((option) => `${name}+${option}`)]);
}

const scenarioNames = new Set(
  Object.entries(GROUPS).flatMap(([name, { scenarios }]) => [name, ...scenarios.map((one) => one.name)]),
);
/** Not a group of scenarios: what is measured and not simulated. */
const COST = 'cost';
scenarioNames.add(COST);
const words = positionals.filter((word) => scenarioNames.has(word));
const policies = positionals.filter((word) => !scenarioNames.has(word));
for (const policy of policies) policyOf(policy);

/** First, while the machine rests: minutes in which all cores simulate are felt for a while in what memory costs. */
const measured: readonly Cost[] =
  policies.length === 0 && (words.length === 0 || words.includes(COST)) ? await costs(values.quick) : [];

const groups = new Map<string, Outcomes>();
/** Those of which no scenario was left out. */
const whole = new Map<string, Outcomes>();
let drawing = '';
for (const [name, group] of Object.entries(GROUPS)) {
  const chosen = group.scenarios.filter(
    (one) => words.length === 0 || words.includes(name) || words.includes(one.name),
  );
  if (chosen.length === 0) continue;
  const scenarios = values.quick ? chosen.map(shortened) : chosen;
  const runs: Run[] = scenarios.flatMap((scenario) =>
    (policies.length > 0 ? policies : group.policies).flatMap((policy) =>
      Array.from({ length: group.times }, (_, time) => ({ scenario, policy, seed: seed * 1_000 + time })),
    ),
  );
  const startedAt = performance.now();
  const outcomes = outcomesOf(runs, await runAll(runs, (count) => progress(name, count, runs.length)));
  const tookS = Math.round((performance.now() - startedAt) / 1000);
  if (name === 'latency') drawing = chart(outcomes);
  groups.set(name, outcomes);
  if (chosen.length === group.scenarios.length) whole.set(name, outcomes);
  if (!values.json) {
    console.log(`# ${name} (seed ${seed}, ${group.times} × ${runs.length / group.times} runs in ${tookS} s)\n`);
    console.log(`${descriptions(scenarios)}\n\n${group.print(scenarios, outcomes)}\n`);
  }
}
if (values.json) console.log(JSON.stringify(groups, plain, 2));
else if (whole.size + measured.length > 0 && policies.length === 0)
  console.log(`# what is promised of recall\n\n${aims(whole, measured)}`);
if (values.svg !== undefined) writeFileSync(values.svg, drawing);

function shortened(scenario: Scenario): Scenario {
  // What happens at a moment has to happen.
  const fixed = scenario.faults?.some((fault) => 'fromMs' in fault);
  return fixed
    ? scenario
    : { ...scenario, durationMs: scenario.warmUpMs + (scenario.durationMs - scenario.warmUpMs) / 5 };
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

function progress(name: string, count: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(count < of ? `\r${name}: ${count} of ${of} ` : '\r\x1b[K');
}
