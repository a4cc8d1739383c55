import type { Node } from './node.ts';
import { portion } from './rank.ts';
import { capacityOf } from './spill.ts';
import { inOrderOf } from './subset.ts';

/** A subset grows by as much as its size at most to make up for members that are down. */
const MOST_TIMES = 2;

/** How the nodes of a pool that are used are at one moment. */
export interface PoolState {
  readonly nodes: readonly Node[];
  readonly up: number;
  /** The part of all calls that they can take, from 0 to 1. */
  readonly capacity: number;
  /** Whether more than half of those that can be reached are out of use. */
  readonly doubted: boolean;
  /** Those that wait for a probe. */
  readonly due: readonly Node[];
  /** Whether time alone cannot change any of this: all are up, and none starts slowly. */
  readonly steady: boolean;
}

/** Nodes that stand side by side. Of more than `size` this client uses so many of its own, and more while some of these are down. */
export class Pool {
  readonly name: string;
  /** How many nodes there are, used or not. */
  readonly count: number;
  readonly #size: number;
  /** Those that may be used, in the order in which they come into use. */
  readonly #candidates: readonly Node[];
  readonly #weight: number;
  #used: readonly Node[] = [];

  constructor(name: string, nodes: readonly Node[], size: number | false, client: string) {
    const whole = size === false || nodes.length <= size;
    this.name = name;
    this.count = nodes.length;
    this.#size = whole ? nodes.length : size;
    this.#candidates = whole ? nodes : inOrderOf(client, nodes, ({ endpoint }) => endpoint.id, MOST_TIMES * size);
    this.#weight = this.#candidates.slice(0, this.#size).reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
  }

  look(now: number): PoolState {
    const candidates = this.#candidates;
    const due: Node[] = [];
    let [count, up, used, reachable, steady] = [0, 0, 0, 0, true];
    for (; count < candidates.length && up < this.#size; count++) {
      const node = candidates[count];
      if (node === undefined) break;
      const { health } = node;
      const fitness = health.fitness(now);
      if (!health.unreachable) reachable++;
      if (fitness === 'busy') due.push(node);
      if (fitness === 'up') {
        up++;
        used += portion(node, now);
        steady &&= health.share(now) === 1;
      } else steady = false;
    }
    // The same array while it holds the same nodes: pickers keep what they make of it.
    if (this.#used.length !== count) this.#used = count === candidates.length ? candidates : candidates.slice(0, count);
    const capacity = capacityOf(used, this.#weight);
    return { nodes: this.#used, up, capacity, doubted: (reachable - up) * 2 > reachable, due, steady };
  }
}
