import { INTEGERS, integers, type Random } from '../core/random.ts';
import type { Node } from './node.ts';
import { perSet } from './per-set.ts';
import { type Weights, weightsOf } from './weights.ts';

/** One in its slow start may be drawn and left so many times; its share is never below a tenth. */
const MOST_LEFT = 16;
/** Of one whole number that is drawn. A product, since a division takes three times as long. */
const PART = 1 / INTEGERS;

/**
 * Draws nodes by chance, each as often as its weight and its slow start say. Allocates nothing, and costs the same for any number of them. It is told the nodes
 * once for each pick, by `from`.
 */
export class Draws {
  /** A whole number below `INTEGERS`, by chance. */
  readonly next: () => number;
  readonly #weightsOf: (nodes: readonly Node[]) => Weights = perSet(weightsOf);
  /** That of the node that was weighed last, relative to the one that should have most: above 0, at most 1. Not returned: a fraction may be allocated. */
  portion: number = Number.NaN;
  #nodes: readonly Node[] = [];
  #weights: Weights = { largest: 1, alias: undefined };

  constructor(random: Random) {
    this.next = integers(random);
  }

  /** From now on the nodes are these; answers whether they were others before. */
  from(nodes: readonly Node[]): boolean {
    if (nodes === this.#nodes) return false;
    this.#nodes = nodes;
    this.#weights = this.#weightsOf(nodes);
    return true;
  }

  /** Whether all nodes weigh the same. */
  get even(): boolean {
    return this.#weights.alias === undefined;
  }

  /** The place of one of the nodes, of which there must be some. */
  one(now: number): number {
    const nodes = this.#nodes;
    const { alias } = this.#weights;
    let place = 0;
    for (let left = 0; left < MOST_LEFT; left++) {
      place = this.below(nodes.length);
      if (alias !== undefined && this.next() >= (alias.own[place] ?? 0)) place = alias.other[place] ?? place;
      const node = nodes[place];
      if (node === undefined || node.plain || node.health.full(now)) break;
      node.health.weigh(this, now);
      if (this.next() < this.portion * INTEGERS) break;
    }
    return place;
  }

  /**
   * The place of another than the one at `than`, which is to be compared with it; -1 for none. There must be two. Without weights there is always one; where
   * one node weighs as much as all others together, another beside it is left out about as often as its weight says: it would be idle each time that the heavy one
   * is not, and get far more than its part. With `always` there is one whatever it weighs: the first may have refused already.
   */
  another(than: number, now: number, always = false): number {
    const { alias } = this.#weights;
    if (alias !== undefined) {
      const drawn = this.one(now);
      if (drawn !== than) return drawn;
    }
    const count = this.#nodes.length;
    // No condition: whether it goes beyond the end is chance, which a processor does not guess.
    const place = (than + 1 + this.below(count - 1)) % count;
    const node = this.#nodes[place];
    if (node === undefined) return -1;
    if (always || (alias === undefined && node.plain)) return place;
    this.weigh(node, now);
    if (alias === undefined && this.portion >= 1) return place;
    return this.next() < this.portion * INTEGERS ? place : -1;
  }

  /** Puts the part of the traffic that a node should have into `portion`. */
  weigh(node: Node, now: number): void {
    const { alias, largest } = this.#weights;
    if (node.plain) this.portion = 1;
    else node.health.weigh(this, now);
    if (alias !== undefined) this.portion *= node.endpoint.weight / largest;
  }

  below(bound: number): number {
    return (this.next() * PART * bound) | 0;
  }
}
