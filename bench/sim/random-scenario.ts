import { below, type Random } from '../../src/core/random.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { type Fault, rateOf, type Scenario } from './scenario.ts';
import type { Work } from './work.ts';

/** Calls that are counted in each, about. */
const CALLS = 150_000;

/** Scenarios that nobody chose: the same for the same seed. */
export function randomScenarios(count: number, seed: number): readonly Scenario[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => randomScenario(`random-${index + 1}`, random));
}

function randomScenario(name: string, random: Random): Scenario {
  const among = <T>(...choices: readonly [T, ...T[]]): T => choices[below(random, choices.length)] ?? choices[0];
  const between = (least: number, most: number) => least * (most / least) ** random();
  const workers = among(1, 2, 4, 8);
  const servers = Math.round(between(3, 80));
  const discipline = workers === 1 ? 'fifo' : among('fifo', 'sharing');
  const meanMs = between(3, 50);
  const work = among<Work>(
    { kind: 'exponential', meanMs },
    { kind: 'lognormal', meanMs, sigma: between(0.3, 1.2) },
    { kind: 'bimodal', shortMs: meanMs / 2, longMs: meanMs * 5.5, longRatio: 0.1 },
    { kind: 'pareto', leastMs: meanMs / 3, mostMs: meanMs * 60, alpha: between(1.4, 2.2) },
  );
  const faults = among<Fault | undefined>(
    undefined,
    { kind: 'spells', share: between(0.1, 0.3), speed: between(0.2, 0.6), lengthMs: between(1_000, 10_000) },
    { kind: 'levels', speeds: [0.5, 0.8, 1, 1.2, 1.5], everyMs: between(1_000, 10_000) },
    { kind: 'pauses', everyMs: between(3_000, 15_000), leastMs: 30, mostMs: between(60, 300) },
  );
  const speeds = among<readonly number[]>([1], [1], [2, 1, 0.5], [1, 1, 1, 0.4], [1, 0.7]);
  const load = 0.4 + 0.45 * random();
  // More clients than calls a second there are none.
  const scenario: Scenario = {
    name,
    about: '',
    clients: 1,
    servers,
    workers,
    discipline,
    busyLoop: workers === 1,
    speeds,
    work,
    offered: { load },
    ...(faults === undefined ? {} : { faults: [faults] }),
    oneWayMs: among(0.1, 0.3, 1),
    deadlineMs: 2_000,
    durationMs: 0,
    warmUpMs: 5_000,
  };
  const perSecond = rateOf(scenario);
  const clients = Math.max(1, Math.round(between(1, Math.min(1_000, perSecond))));
  const about = [
    `${clients} clients of ${figure(perSecond / clients)}/s`,
    `${servers} servers × ${workers} ${discipline} at ${Math.round(load * 100)} %`,
    `${work.kind} ${figure(meanMs)} ms`,
    ...(speeds.length > 1 ? [`speeds ${speeds.join(' ')}`] : []),
    ...(faults === undefined ? [] : [faults.kind]),
  ].join(', ');
  const durationMs = scenario.warmUpMs + Math.min(120_000, Math.max(15_000, (CALLS / perSecond) * 1000));
  return { ...scenario, clients, about, durationMs };
}

function figure(value: number): string {
  return value.toPrecision(2);
}
