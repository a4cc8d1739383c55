import { type Arcs, evenArcs } from './even-arcs.ts';
import type { Node } from './node.ts';
import { bucketShift, ringPoints } from './ring-points.ts';
import type { Making } from './tables.ts';

/** Which node each hash falls to: pieces of a circle, in buckets by their first bits, so that one is found in the same time however many there are. */
export class Ring {
  readonly nodes: readonly Node[];
  readonly ends: Uint32Array;
  readonly #owners: Uint32Array;
  /** The first piece that ends in each bucket, or after it. */
  readonly #starts: Uint32Array;
  readonly #shift: number;

  constructor(nodes: readonly Node[], { ends, owners }: Arcs, starts: Uint32Array, shift: number) {
    this.nodes = nodes;
    this.ends = ends;
    this.#owners = owners;
    this.#starts = starts;
    this.#shift = shift;
  }

  /** The number of the piece that a hash is in. */
  at(hash: number): number {
    const wanted = hash >>> 0;
    let i = this.#starts[wanted >>> this.#shift] ?? 0;
    while ((this.ends[i] ?? wanted) < wanted) i++;
    return i;
  }

  /** The node of a piece; pieces go on in a circle. */
  owner(piece: number): Node | undefined {
    return this.nodes[this.#owners[piece < this.ends.length ? piece : piece % this.ends.length] ?? 0];
  }
}

/** Makes the ring of some nodes. */
export function* ringOf(nodes: readonly Node[]): Making<Ring> {
  const arcs = yield* evenArcs(nodes, yield* ringPoints(nodes));
  const { ends } = arcs;
  const shift = bucketShift(ends.length);
  const starts = new Uint32Array(2 ** (32 - shift));
  for (let bucket = 0, i = 0; bucket < starts.length; bucket++) {
    while (i < ends.length && (ends[i] ?? 0) >>> shift < bucket) i++;
    starts[bucket] = i;
    if (bucket % 512 === 0) yield;
  }
  return new Ring(nodes, arcs, starts, shift);
}
