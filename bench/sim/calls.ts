import { below } from '../../src/core/random.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { rateOf, type Scenario } from './scenario.ts';
import { drawWork, exponential } from './work.ts';

/** A call of a scenario: when it is made, counted from the start, by which client, and how much work it is. */
export interface PlannedCall {
  readonly atMs: number;
  readonly client: number;
  readonly workMs: number;
}

/** The calls of a scenario, in order of time: the same for the same seed, whoever makes them. */
export function* callsOf(scenario: Scenario, seed: number): Generator<PlannedCall, undefined> {
  const arrivals = seededRandom(seed);
  const works = seededRandom(seed ^ 0x5bd1e995);
  const meanGapMs = 1000 / rateOf(scenario);
  for (let atMs = 0; atMs < scenario.durationMs; ) {
    const next = atMs + exponential(meanGapMs, arrivals);
    yield { atMs, client: below(arrivals, scenario.clients), workMs: drawWork(scenario.work, works) };
    atMs = next;
  }
}
