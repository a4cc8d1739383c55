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
 * Where Finagle takes a node without answers to cost nothing while it is idle and 2^47 while it is not, here it costs what the last answers of all the others
 * took. Free, a new node would be the better of every pair that it is in, once for each client; and one that fails before it ever answers
 * would stay free. A failure counts only when it took longer than answers do: to fail fast must not look like speed.
 */
export function peakEwma(random: Random): Picker {
  return new PeakEwma(random);
}

class PeakEwma implements Picker {
  readonly #draws: Draws;
  readonly #reading = new LoadReading();
  /** What answers take, whoever gives them; nothing before the first. */
  readonly #usual = new Peak();
  #answered = false;
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
    if (outcome === 'ignorable') return;
    if (outcome === 'success') {
      node.peak ??= new Peak();
      node.peak.add(attempt, now);
      this.#usual.add(attempt, now);
      this.#answered = true;
    } else if (node.peak?.exceeded(attempt, now)) node.peak.add(attempt, now);
  }

  #look(node: Node, now: number): void {
    const reading = this.#reading;
    this.#draws.weigh(node, now);
    // Before the first answer of all only what is on its way counts.
    if (this.#answered) (node.peak ?? this.#usual).read(reading, now);
    else reading.serviceMs = 1;
    this.#cost = reading.serviceMs * (1 + node.running / this.#draws.portion);
  }
}
