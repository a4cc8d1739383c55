import type { Node } from './node.ts';
import type { RingPoints } from './ring-points.ts';
import type { Making } from './tables.ts';

/** Hashes there are. */
const ALL = 2 ** 32;
const LOOK_EVERY = 512;

/** Pieces of all hashes, in order, each of one node. */
export interface Arcs {
  /** The last hash of each piece; that of the last one is the last there is. */
  readonly ends: Uint32Array;
  /** The place in the nodes whose each piece is. */
  readonly owners: Uint32Array;
}

/**
 * Gives each node as much of the circle as its weight says. The arcs before its points are of random length: with a hundred points, a node has up to a third more or less
 * than its part. Who has too much gives away the beginning of each of its arcs, and that goes to the next on the circle who has too little.
 *
 * So most keys stay where their point is, whoever comes or goes. It is the idea of bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2018), of shares of the circle
 * instead of calls.
 */
export function* evenArcs(nodes: readonly Node[], { points, owners }: RingPoints): Making<Arcs> {
  const { kept, missing } = yield* balanceOf(nodes, { points, owners });
  let short = missing.reduce((count, hashes) => count + (hashes > 0 ? 1 : 0), 0);
  // What is given away is one piece more for each arc, and one for each node that then has enough.
  const most = 2 * (points.length + 1) + nodes.length;
  const ends = new Uint32Array(most);
  const pieces = new Uint32Array(most);
  // The fractions of hashes that were not given away yet: together they would be the whole part of one that has too little.
  const owed = new Float64Array(nodes.length);
  let count = 0;
  const add = (end: number, owner: number) => {
    ends[count] = end;
    pieces[count++] = owner;
  };

  let before = -1;
  // The last is the first part of the arc of the first point.
  for (let k = 0, steps = 0; k <= points.length; k++) {
    const owner = owners[k % points.length] ?? 0;
    const end = points[k] ?? ALL - 1;
    const due = (owed[owner] ?? 0) + (end - before) * (1 - (kept[owner] ?? 1));
    let given = Math.min(Math.floor(due), end - before);
    owed[owner] = due - given;
    for (let next = k + 1; given > 0 && short > 0; next++) {
      if (++steps % LOOK_EVERY === 0) yield;
      const other = owners[next % points.length] ?? 0;
      const taken = Math.min(given, missing[other] ?? 0);
      if (taken === 0) continue;
      missing[other] = (missing[other] ?? 0) - taken;
      if (missing[other] === 0) short--;
      given -= taken;
      before += taken;
      add(before, other);
    }
    if (end > before) add(end, owner);
    before = end;
    if (++steps % LOOK_EVERY === 0) yield;
  }
  return { ends: ends.slice(0, count), owners: pieces.slice(0, count) };
}

/** Of each node, the part of its arcs that it keeps, and the hashes that it has too few of. */
function* balanceOf(
  nodes: readonly Node[],
  { points, owners }: RingPoints,
): Making<{ kept: Float64Array; missing: Float64Array }> {
  const had = new Float64Array(nodes.length);
  let before = -1;
  for (let k = 0; k <= points.length; k++) {
    const owner = owners[k % points.length] ?? 0;
    const end = points[k] ?? ALL - 1;
    had[owner] = (had[owner] ?? 0) + end - before;
    before = end;
    if (k % LOOK_EVERY === 0) yield;
  }
  const total = nodes.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
  const due = nodes.map(({ endpoint }) => (ALL * endpoint.weight) / total);
  return {
    kept: Float64Array.from(due, (hashes, i) => Math.min(1, hashes / (had[i] ?? 1))),
    missing: Float64Array.from(due, (hashes, i) => Math.max(0, Math.floor(hashes - (had[i] ?? 0)))),
  };
}
