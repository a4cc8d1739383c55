import type { Clock } from '../../core/clock.ts';
import { mixed } from '../../core/hash.ts';
import type { Random } from '../../core/random.ts';
import { type LookupTable, lookupTableOf, SIZE } from '../lookup-table.ts';
import type { Picker } from '../picker.ts';
import { Tables } from '../tables.ts';
import { takes } from '../takes.ts';
import { byHash } from './by-hash.ts';

/** Hashes that are tried for one whose node takes the call. */
const REHASHED = 16;
/** Steps for each place of the table, about. */
const PROBES = 10;

/**
 * Each key to one node, for as long as that is there and well, by a table of 65,537 places (Eisenbud et al., 2016). Shares are nearer to the weights than on a ring,
 * and a pick is one look; in return a few other keys move as well when a node joins or leaves. Past some 650 nodes a ring is the better choice. A key
 * whose node is down, draining or tried is hashed again, so that the keys of one node are spread over all others.
 *
 * Calls without a key, and all while the first table is made, which takes some milliseconds, go as `recall` says.
 */
export function maglev(random: Random, clock: Clock): Picker {
  const tables = new Tables<LookupTable>(clock, lookupTableOf, () => PROBES * SIZE);
  return byHash(random, (nodes, hash, ctx, now, panicking) => {
    const table = tables.of(nodes, now);
    let again = hash;
    for (let i = 0; table !== undefined && i < REHASHED; i++) {
      const node = table.owner(again);
      if (node !== undefined && takes(node, hash, ctx, now, panicking)) return node;
      again = mixed(again + 1);
    }
    return undefined;
  });
}
