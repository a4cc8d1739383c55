import { INTEGERS, integers, type Random } from '../core/random.ts';
import type { Node } from './node.ts';
import { perSet } from './per-set.ts';
import { type Weights, weightsOf } from './weights.ts';

/** One in its slow start may be drawn and left so many times; its share is never below a tenth. */
const MOST_LEFT = 16;

/** Draws nodes by chance, each as often as its weight and its slow start say. Allocates nothing, and costs the same for any number of them. */
export class Draws {
  readonly #next: () => number;
  readonly #weightsOf: (nodes: readonly Node[]) => Weights = perSet(weightsOf);

  constructor(random: Random) {
    this.#next = integers(random);
  }

  /** The place of one of `nodes`, of which there must be some. */
  one(nodes: readonly Node[], now: number): number {
    const { alias } = this.#weightsOf(nodes);
    let place = 0;
    for (let left = 0; left < MOST_LEFT; left++) {
      place = this.below(nodes.length);
      if (alias !== undefined && !this.happens(alias.own[place] ?? 1)) place = alias.other[place] ?? place;
      const share = nodes[place]?.health.share(now) ?? 1;
      if (share >= 1 || this.happens(share)) break;
    }
    return place;
  }

  /**
   * The place of another than the one at `than`, which is to be compared with it; -1 for none. There must be two. Without weights there is always one; where
   * one node weighs as much as all others together, another beside it is left out about as often as its weight says: it would be idle each time that the heavy one
   * is not, and get far more than its part.
   */
  another(nodes: readonly Node[], than: number, now: number): number {
    if (this.#weightsOf(nodes).alias !== undefined) {
      const drawn = this.one(nodes, now);
      if (drawn !== than) return drawn;
    }
    const count = nodes.length;
    const any = than + 1 + this.below(count - 1);
    const place = any < count ? any : any - count;
    const node = nodes[place];
    return node !== undefined && this.includes(nodes, node, now) ? place : -1;
  }

  /** Whether one that was not drawn is let in all the same: as often as it would have been drawn, relative to the heaviest. */
  includes(nodes: readonly Node[], node: Node, now: number): boolean {
    const portion = this.relative(nodes, node, now);
    return portion >= 1 || this.happens(portion);
  }

  /** The part of the traffic that a node should have, relative to the one of these nodes that should have most: above 0, at most 1. */
  relative(nodes: readonly Node[], node: Node, now: number): number {
    const { alias, largest } = this.#weightsOf(nodes);
    const share = node.health.share(now);
    return alias === undefined ? share : (node.endpoint.weight / largest) * share;
  }

  below(bound: number): number {
    return Math.floor((this.#next() / INTEGERS) * bound);
  }

  happens(chance: number): boolean {
    return this.#next() < chance * INTEGERS;
  }
}
