import type { Context } from '../core/context.ts';
import { mixed } from '../core/hash.ts';
import { INTEGERS } from '../core/random.ts';
import type { Node } from './node.ts';
import type { Picker } from './picker.ts';
import { GOOD, rank } from './rank.ts';

/** Picks that look whether somebody waits for a probe where nobody would be met. */
const PROBES = 0.05;

/** Nodes of a set that get their share of the calls, however many they are. */
export interface NodeGroup {
  /** The shares of all groups of a set together are 1. One with 0 gets what the others have nobody fit for. */
  readonly share: number;
  readonly nodes: readonly Node[];
  /** How its calls are split again; by default they are not. Their shares together are 1. */
  readonly parts?: readonly NodeGroup[] | undefined;
  /** Whether its nodes are used although most of them are down. @default as the whole set is */
  readonly panicking?: boolean | undefined;
  /** The last group of all may have no share: its nodes are in groups that get no calls, wait for a probe, and get nothing else. */
  readonly probing?: boolean | undefined;
}

/** The nodes of all groups that get calls, each once. */
export function calledOf(groups: readonly NodeGroup[]): readonly Node[] {
  const called = groups.filter(({ share }) => share > 0);
  return [...new Set(called.flatMap(({ nodes, parts }) => (parts === undefined ? nodes : calledOf(parts))))];
}

/**
 * Picks from the group whose turn it is by chance, or for a call with a key by that, so that it stays where it is; only when that one has nobody fit, from the
 * first other that has. A share is kept whatever the number and the load of the nodes, and no call fails because a small group is down or was tried already.
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
  depth = 1,
): Node | undefined {
  const probe = probeOf(groups[groups.length - 1], draw, ctx, now);
  if (probe !== undefined) return probe;
  const turn = turnOf(groups, draw, ctx, depth);
  let best: Node | undefined;
  let least = Number.MAX_SAFE_INTEGER;
  for (let i = -1; i < groups.length; i++) {
    if (i === turn) continue;
    const group = groups[i < 0 ? turn : i];
    if (group === undefined || group.probing === true) continue;
    const inPanic = group.panicking ?? panicking;
    const node =
      group.parts === undefined
        ? picker.pick(group.nodes, ctx, now, inPanic)
        : pickGrouped(group.parts, picker, draw, ctx, now, inPanic, depth + 1);
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

/** One that waits for a probe and may get it with this attempt; mostly nobody is looked for. */
function probeOf(last: NodeGroup | undefined, draw: () => number, ctx: Context, now: number): Node | undefined {
  if (last?.probing !== true || draw() >= PROBES * INTEGERS) return undefined;
  const node = last.nodes[Math.floor((draw() / INTEGERS) * last.nodes.length)];
  return node !== undefined && rank(node, ctx, now, false) < GOOD ? node : undefined;
}

function turnOf(groups: readonly NodeGroup[], draw: () => number, ctx: Context, depth: number): number {
  if (groups[0] !== undefined && groups[0].share === 1) return 0;
  const { hash } = ctx.root;
  // Of its own at each depth: those whose turn is the last part must not all be in the last part of that again.
  let rest = (hash === undefined ? draw() : mixed((hash + Math.imul(depth, 0x9e3779b1)) | 0) >>> 1) / INTEGERS;
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i];
    // Not by `?.`: a fraction that may be undefined as well is allocated.
    if (group !== undefined) rest -= group.share;
    if (rest < 0) return i;
  }
  return groups.length - 1;
}
