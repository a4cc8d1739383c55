import type { Weighed } from './health.ts';
import type { Node } from './node.ts';
import { perSet } from './per-set.ts';
import { weigh } from './rank.ts';

/**
 * Most that a node may have on its way: so many times its part of what all those have that are picked from. Of the whole set that is known. Of a part of it, such as a
 * zone, it is counted, and only when a node is met that has something on its way: about a nanosecond for each node of the part.
 */
export class Bound {
  readonly #times: number;
  readonly #weightOf = perSet((nodes) => ({ all: nodes.reduce((sum, { endpoint }) => sum + endpoint.weight, 0) }));
  readonly #part: Weighed = { portion: Number.NaN };
  #nodes: readonly Node[] = [];
  /** What these have on their way; below 0 until it is asked for. */
  #running = -1;

  constructor(times: number) {
    this.#times = times;
  }

  /** A pick from these begins. */
  of(nodes: readonly Node[]): void {
    this.#nodes = nodes;
    this.#running = -1;
  }

  /** Whether a node has as much as it may, the attempt that is being picked for included in what all have. */
  reached(node: Node, now: number): boolean {
    if (node.running === 0) return false;
    const { means } = node;
    const weight = this.#weightOf(this.#nodes).all;
    if (this.#running < 0) {
      this.#running = 0;
      if (weight === means.weight) this.#running = means.running;
      else for (const { running } of this.#nodes) this.#running += running;
    }
    weigh(this.#part, node, now);
    return node.running * weight >= this.#times * (this.#running + 1) * this.#part.portion;
  }
}
