import type { Context } from '../core/context.ts';
import type { Random } from '../core/random.ts';
import type { Node } from './node.ts';
import type { Picker } from './picker.ts';
import { GOOD, rank } from './rank.ts';

/** Nodes of a set that get their share of the calls, however many they are. */
export interface NodeGroup {
  /** Above 0; the shares of all groups of a set together are 1. */
  readonly share: number;
  readonly nodes: readonly Node[];
}

/**
 * Picks from the group whose turn it is by chance; only when that one has nobody fit, from the first other that has. A share is kept whatever
 * the number and the load of the nodes, and no call fails because a small group is down or was tried already.
 *
 * Weights of nodes could not do this: of two drawn at random, nodes of a small share would win against their like too often. Allocates
 * nothing.
 */
export function pickGrouped(
  groups: readonly NodeGroup[],
  picker: Picker,
  random: Random,
  ctx: Context,
  now: number,
  panicking: boolean,
): Node | undefined {
  const turn = turnOf(groups, random());
  let best: Node | undefined;
  for (let i = -1; i < groups.length; i++) {
    if (i === turn) continue;
    const group = groups[i < 0 ? turn : i];
    const node = group === undefined ? undefined : picker.pick(group.nodes, ctx, now, panicking);
    if (node === undefined) continue;
    const against = rank(node, ctx, now, panicking);
    if (against <= GOOD) return node;
    if (best === undefined || against < rank(best, ctx, now, panicking)) best = node;
  }
  return best;
}

function turnOf(groups: readonly NodeGroup[], chance: number): number {
  let rest = chance;
  for (let i = 0; i < groups.length; i++) {
    rest -= groups[i]?.share ?? 0;
    if (rest < 0) return i;
  }
  return groups.length - 1;
}
