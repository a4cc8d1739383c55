import { hashOf, mixed } from '../core/hash.ts';
import type { Node } from './node.ts';
import type { Making } from './tables.ts';

/** Points of a node of weight 1. More of them would move fewer keys when a node comes or goes, and take more memory. */
const POINTS = 100;
/** Most points of a ring. Where there would be more, each node gets half, a quarter, … as many. */
const MOST = 2 ** 20;
/** Most points between two looks at whether this slice is over. */
const LOOK_EVERY = 512;
/** Points to a bucket, about. */
const CROWD = 4;

/** Points on a circle of 2^32 hashes, in order, each of one node. */
export interface RingPoints {
  readonly points: Uint32Array;
  /** The place in the nodes whose each point is. */
  readonly owners: Uint32Array;
}

export function pointsOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { endpoint }) => sum + Math.max(1, Math.round(endpoint.weight * POINTS)), 0);
}

/** How far a hash is moved to the right to give one of 2^n buckets, for so many points. */
export function bucketShift(count: number): number {
  return 32 - Math.max(1, Math.min(20, Math.ceil(Math.log2(count / CROWD))));
}

/** Where a node has its points depends on its id and its weight alone. */
export function* ringPoints(nodes: readonly Node[]): Making<RingPoints> {
  let each = POINTS;
  for (let all = pointsOf(nodes); all > MOST; all /= 2) each /= 2;
  const countOf = ({ endpoint }: Node) => Math.max(1, Math.round(endpoint.weight * each));
  const count = nodes.reduce((sum, node) => sum + countOf(node), 0);
  const shift = bucketShift(count);
  const starts = new Uint32Array(2 ** (32 - shift) + 1);

  // How many fall into each bucket …
  for (const node of nodes) {
    const hash = new PointHashes(node);
    for (let i = countOf(node); i > 0; i--) {
      const bucket = (hash.next() >>> shift) + 1;
      starts[bucket] = (starts[bucket] ?? 0) + 1;
      if (i % LOOK_EVERY === 0) yield;
    }
    yield;
  }
  // … so where each begins …
  for (let i = 1; i < starts.length; i++) {
    starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    if (i % 1_024 === 0) yield;
  }
  // … and each point into its own, behind those before it.
  const ends = starts.slice();
  const points = new Uint32Array(count);
  const owners = new Uint32Array(count);
  for (const [owner, node] of nodes.entries()) {
    const hash = new PointHashes(node);
    for (let i = countOf(node); i > 0; i--) {
      const point = hash.next();
      const bucket = point >>> shift;
      let at = ends[bucket] ?? 0;
      ends[bucket] = at + 1;
      for (; at > (starts[bucket] ?? 0) && (points[at - 1] ?? 0) > point; at--) {
        points[at] = points[at - 1] ?? 0;
        owners[at] = owners[at - 1] ?? 0;
      }
      points[at] = point;
      owners[at] = owner;
      if (i % LOOK_EVERY === 0) yield;
    }
    yield;
  }
  return { points, owners };
}

/** The points of a node, one after the other. */
class PointHashes {
  readonly #step: number;
  #at: number;

  constructor({ endpoint: { id } }: Node) {
    this.#at = hashOf(id);
    // Of its own, so that two ids of the same hash do not share all points.
    this.#step = hashOf(`${id}#`) | 1;
  }

  next(): number {
    this.#at = (this.#at + this.#step) | 0;
    return mixed(this.#at) >>> 0;
  }
}
