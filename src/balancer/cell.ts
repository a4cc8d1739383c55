import type { Endpoint } from '../core/endpoint.ts';
import type { Counter } from '../core/metrics.ts';
import type { Node } from './node.ts';
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

interface CellParts {
  readonly name: string;
  readonly priority: number;
  /** Whether nothing is preferred to its place. */
  readonly first: boolean;
  readonly nodes: readonly Node[];
  /** Of more nodes so many are used. */
  readonly size: number | false;
  /** The id of this client. */
  readonly client: string;
  /** Counts the attempts that go there. */
  readonly placed: Counter | undefined;
}

/** The nodes of one place and priority. Of more than `size` this client uses so many of its own, and more while some of these are down. */
export class Cell {
  readonly name: string;
  readonly priority: number;
  readonly first: boolean;
  readonly #nodes: readonly Node[];
  readonly #endpoints: readonly Endpoint[];
  readonly #size: number;
  /** Those that may be used, in the order in which they come into use. */
  readonly candidates: readonly Node[];
  #used: readonly Node[] = [];
  /** The weight that is enough for its part of the calls. What comes on top of it counts once it is past its slow start. */
  #needed: number;

  /** `before`: the one that it takes the place of, where there was one. */
  constructor({ name, priority, first, nodes, size, client, placed }: CellParts, before: Cell | undefined) {
    const whole = size === false || nodes.length <= size;
    this.name = name;
    this.priority = priority;
    this.first = first;
    for (const node of nodes) if (node.placed !== placed) node.placed = placed;
    this.#nodes = nodes;
    this.#endpoints = nodes.map(({ endpoint }) => endpoint);
    this.#size = whole ? nodes.length : size;
    // Nothing is known of what a new place needs: all that there is.
    this.#needed = before === undefined ? Number.POSITIVE_INFINITY : before.#needed;
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
    const weighed = { portion: Number.NaN };
    let [count, up, reachable, weight, started, used, steady] = [0, 0, 0, 0, 0, 0, true];
    for (const node of candidates) {
      if (up === this.#size) break;
      count++;
      const { health, endpoint } = node;
      const fitness = health.fitness(now);
      health.weigh(weighed, now);
      const share = weighed.portion;
      if (count <= this.#size) {
        weight += endpoint.weight;
        started += fitness === 'up' ? share * endpoint.weight : endpoint.weight;
      }
      if (!health.unreachable) reachable++;
      if (fitness === 'busy') due.push(node);
      if (fitness === 'up') {
        up++;
        used += share * endpoint.weight;
        steady &&= share === 1;
      } else steady = false;
    }
    this.#needed = Math.min(weight, Math.max(this.#needed, started));
    if (this.#used.length !== count) this.#used = count === candidates.length ? candidates : candidates.slice(0, count);
    return { cell: this, nodes: this.#used, up, reachable, capacity: capacityOf(used, this.#needed), due, steady };
  }
}
