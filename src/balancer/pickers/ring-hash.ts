import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { Bound } from '../bound.ts';
import type { Picker } from '../picker.ts';
import { type Ring, ringOf } from '../ring.ts';
import { pointsOf } from '../ring-points.ts';
import { Tables } from '../tables.ts';
import { takes } from '../takes.ts';
import { byHash } from './by-hash.ts';

/** Pieces of the circle that are looked at for one whose node takes the call. */
const WALK = 128;
/** Nodes whose points need not be counted to know that there are many. */
const MANY = 1_000;

/**
 * Each key to one node, for as long as that is there and well: its calls go to the first node behind its hash on a circle on which each node has a hundred
 * points for each unit of its weight (Karger et al., 1997). What one has too much of the circle is given to others, so that each has its part exactly: with a node that comes
 * or goes, some two of a hundred keys of the others move. Keys of a node that is down, tried, or full go to the next on the circle.
 *
 * With `boundedLoad` c, a node is full when it has c times its part of the attempts on their way (Mirrokni, Thorup, Zadimoghaddam, 2018); of one hot key, all nodes
 * then take some. Calls without a key, and all while the first circle of a large set is made, go as `recall` says.
 */
export function ringHash(random: Random, clock: Clock, boundedLoad?: number): Picker {
  const rings = new Tables<Ring>(clock, ringOf, (nodes) =>
    nodes.length > MANY ? Number.POSITIVE_INFINITY : 8 * pointsOf(nodes),
  );
  const bound = boundedLoad === undefined ? undefined : new Bound(boundedLoad);
  return byHash(random, (nodes, hash, ctx, now, panicking) => {
    const ring = rings.of(nodes, now);
    if (ring === undefined) return undefined;
    bound?.of(nodes);
    const from = ring.at(hash);
    for (let i = 0; i < WALK; i++) {
      const node = ring.owner(from + i);
      if (node !== undefined && takes(node, hash, ctx, now, panicking) && !bound?.reached(node, now)) return node;
    }
    return undefined;
  });
}
