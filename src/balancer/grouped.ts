import type { Context } from '../core/context.ts';
import { INTEGERS } from '../core/random.ts';
import type { Node } from './node.ts';
import type { Picker } from './picker.ts';
import { GOOD, rank } from './rank.ts';

/** Nodes of a set that get their share of the calls, however many they are. */
export interface NodeGroup {
  /** The shares of all groups of a set together are 1. One with 0 gets what the others have nobody fit for. */
  readonly share: number;
  readonly nodes: readonly Node[];
  /** How its calls are split again; by default they are not. Their shares together are 1. */
  readonly parts?: readonly NodeGroup[] | undefined;
  /** Whether its nodes are used although most of them are down. @default as the whole set is */
  readonly panicking?: boolean | undefined;
}

/** The nodes of all groups that get calls, each once. */
export function calledOf(groups: readonly NodeGroup[]): readonly Node[] {
  const called = groups.filter(({ share }) => share > 0);
  return [...new Set(called.flatMap(({ nodes, parts }) => (parts === undefined ? nodes : calledOf(parts))))];
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
  draw: () => number,
  ctx: Context,
  now: number,
  panicking: boolean,
): Node | undefined {
  const turn = turnOf(groups, draw);
  let best: Node | undefined;
  let least = Number.MAX_SAFE_INTEGER;
  for (let i = -1; i < groups.length; i++) {
    if (i === turn) continue;
    const group = groups[i < 0 ? turn : i];
    if (group === undefined) continue;
    const inPanic = group.panicking ?? panicking;
    const node =
      group.parts === undefined
        ? picker.pick(group.nodes, ctx, now, inPanic)
        : pickGrouped(group.parts, picker, draw, ctx, now, inPanic);
    if (node === undefined) continue;
    const against = rank(node, ctx, now, inPanic);
    if (against <= GOOD) return node;
    if (against < least) {
      best = node;
      least = against;
    }
  }
  return best;
}

function turnOf(groups: readonly NodeGroup[], draw: () => number): number {
  if (groups[0]?.share === 1) return 0;
  let rest = draw() / INTEGERS;
  for (let i = 0; i < groups.length; i++) {
    rest -= groups[i]?.share ?? 0;
    if (rest < 0) return i;
  }
  return groups.length - 1;
}
