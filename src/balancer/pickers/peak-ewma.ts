import type { Context } from '../../core/context.ts';
import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import { LoadReading } from '../load-reading.ts';
import type { Node } from '../node.ts';
import { Peak } from '../peak.ts';
import type { NodeOutcome, Picker } from '../picker.ts';
import { betterOfTwo } from './better-of-two.ts';

/**
 * Finagle's: of two drawn at random the one with the lower cost × (requests on their way + 1). The cost is a mean of what answers take that goes up to
 * each slower one at once, comes down with a time constant of 10 s, and fades towards nothing while none comes, so that a node that was slow is tried again.
 *
 * Where Finagle takes a node without answers to cost nothing while it is idle and 2^47 while it is not, here one that is new costs what answers usually take in the set, and
 * that fades as the cost of any other. Free, it would be the better of every pair that it is in, once for each client. A failure counts as an answer that took as
 * long as answers usually do, if it did not take longer: to fail fast must not look like speed. One that was given up counts if it had taken longer than that.
 */
export function peakEwma(random: Random): Picker {
  return new PeakEwma(random);
}

/** What a cost has faded to of which nothing is left: what is on its way still counts. */
const FADED_MS = 1e-6;
/** An attempt that took no time. */
const NO_TIME = { startedAt: Number.POSITIVE_INFINITY };

class PeakEwma implements Picker {
  readonly #draws: Draws;
  readonly #reading = new LoadReading();
  // Of the node that was looked at last; here and not returned, since a fraction may be allocated on its way.
  #cost = 0;
  readonly pick: Picker['pick'];

  constructor(random: Random) {
    this.#draws = new Draws(random);
    this.pick = betterOfTwo(this.#draws, (a, b, now) => {
      this.#look(a, now);
      const ofA = this.#cost;
      this.#look(b, now);
      return this.#cost < ofA;
    });
  }

  ended(node: Node, outcome: NodeOutcome, attempt: Context, now: number): void {
    const usual = node.means.latencyMs;
    if (usual.count === 0) return;
    if (outcome === 'ignorable' && !(now - attempt.startedAt > usual.value)) return;
    node.peak ??= new Peak();
    node.peak.add(attempt, now, outcome === 'success' ? undefined : usual);
  }

  #look(node: Node, now: number): void {
    const reading = this.#reading;
    const usual = node.means.latencyMs;
    this.#draws.weigh(node, now);
    if (node.peak === undefined && usual.count > 0) {
      // Once for each node: it fades from now on.
      node.peak = new Peak();
      node.peak.add(NO_TIME, now, usual);
    }
    // Before the first answer of all only what is on its way counts.
    if (node.peak === undefined) reading.serviceMs = 1;
    else node.peak.read(reading, now);
    if (reading.serviceMs < FADED_MS) reading.serviceMs = FADED_MS;
    this.#cost = reading.serviceMs * (1 + node.running / this.#draws.portion);
  }
}
