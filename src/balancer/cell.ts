import type { Endpoint } from '../core/endpoint.ts';
import type { Node } from './node.ts';
import { portion } from './rank.ts';
import { capacityOf } from './spill.ts';
import { inOrderOf } from './subset.ts';

/** A subset grows by as much as its size at most to make up for members that are down. */
const MOST_TIMES = 2;

/** How a cell is at one moment. */
export interface CellState {
  readonly cell: Cell;
  /** Those that are used: the same array while it holds the same nodes, because pickers keep what they make of it. */
  readonly nodes: readonly Node[];
  readonly up: number;
  readonly reachable: number;
  /** The part of all calls that they can take, from 0 to 1. */
  readonly capacity: number;
  /** Those that wait for a probe. */
  readonly due: readonly Node[];
  /** Whether time alone cannot change any of this: all are up, and none starts slowly. */
  readonly steady: boolean;
}

/** The nodes of one place and priority. Of more than `size` this client uses so many of its own, and more while some of these are down. */
export class Cell {
  readonly name: string;
  readonly priority: number;
  readonly #nodes: readonly Node[];
  readonly #endpoints: readonly Endpoint[];
  readonly #size: number;
  /** Those that may be used, in the order in which they come into use. */
  readonly candidates: readonly Node[];
  #used: readonly Node[] = [];

  constructor(name: string, priority: number, nodes: readonly Node[], size: number | false, client: string) {
    const whole = size === false || nodes.length <= size;
    this.name = name;
    this.priority = priority;
    this.#nodes = nodes;
    this.#endpoints = nodes.map(({ endpoint }) => endpoint);
    this.#size = whole ? nodes.length : size;
    this.candidates = whole ? nodes : inOrderOf(client, nodes, ({ endpoint }) => endpoint.id, MOST_TIMES * size);
  }

  /** How many nodes there are, used or not. */
  get count(): number {
    return this.#nodes.length;
  }

  /** Whether it would be the same if it was made of these: nobody came or went, and nothing new was said of anybody. */
  holds(nodes: readonly Node[]): boolean {
    return (
      nodes.length === this.#nodes.length &&
      nodes.every((node, i) => node === this.#nodes[i] && node.endpoint === this.#endpoints[i])
    );
  }

  /** Whether all of its nodes are used, whatever becomes of their health. */
  get whole(): boolean {
    return this.#size === this.count;
  }

  look(now: number): CellState {
    const candidates = this.candidates;
    const due: Node[] = [];
    let [count, up, reachable, weight, used, steady] = [0, 0, 0, 0, 0, true];
    for (const node of candidates) {
      if (up === this.#size) break;
      count++;
      const { health, endpoint } = node;
      if (count <= this.#size) weight += endpoint.weight;
      const fitness = health.fitness(now);
      if (!health.unreachable) reachable++;
      if (fitness === 'busy') due.push(node);
      if (fitness === 'up') {
        up++;
        used += portion(node, now);
        steady &&= health.share(now) === 1;
      } else steady = false;
    }
    if (this.#used.length !== count) this.#used = count === candidates.length ? candidates : candidates.slice(0, count);
    return { cell: this, nodes: this.#used, up, reachable, capacity: capacityOf(used, weight), due, steady };
  }
}
