import { hashOf } from '../core/hash.ts';
import type { Node } from './node.ts';
import type { Making } from './tables.ts';

/** A prime, as it has to be; a hundred times as many as there are nodes, up to 655 of them, gives each its share within a hundredth of it. */
export const SIZE = 65_537;
/** Steps between two looks at whether this slice is over. */
const LOOK_EVERY = 512;

/** Which node each of the hashes modulo `SIZE` falls to. */
export class LookupTable {
  readonly #nodes: readonly Node[];
  readonly #owners: Int32Array;

  constructor(nodes: readonly Node[], owners: Int32Array) {
    this.#nodes = nodes;
    this.#owners = owners;
  }

  owner(hash: number): Node | undefined {
    return this.#nodes[this.#owners[(hash >>> 0) % SIZE] ?? 0];
  }
}

/** Makes the table of some nodes: each in its turn takes the first place that is free in an order of its own, the heaviest in every round. */
export function* lookupTableOf(nodes: readonly Node[]): Making<LookupTable> {
  const heaviest = nodes.reduce((most, { endpoint }) => Math.max(most, endpoint.weight), 0);
  const places = new Uint32Array(nodes.length);
  const skips = new Uint32Array(nodes.length);
  const turns = new Float64Array(nodes.length);
  for (const [i, { endpoint }] of nodes.entries()) {
    places[i] = (hashOf(endpoint.id) >>> 0) % SIZE;
    skips[i] = ((hashOf(`${endpoint.id}#`) >>> 0) % (SIZE - 1)) + 1;
    turns[i] = endpoint.weight / heaviest;
    if (i % LOOK_EVERY === 0) yield;
  }

  const owners = new Int32Array(SIZE).fill(-1);
  let steps = 0;
  for (let filled = 0, round = 0; ; round++) {
    for (let i = 0; i < nodes.length; i++) {
      if (++steps % LOOK_EVERY === 0) yield;
      const turn = turns[i] ?? 1;
      if (Math.floor((round + 1) * turn) <= Math.floor(round * turn)) continue;
      let place = places[i] ?? 0;
      const skip = skips[i] ?? 1;
      while ((owners[place] ?? 0) >= 0) {
        place = (place + skip) % SIZE;
        if (++steps % LOOK_EVERY === 0) yield;
      }
      owners[place] = i;
      places[i] = (place + skip) % SIZE;
      if (++filled === SIZE) return new LookupTable(nodes, owners);
    }
  }
}
