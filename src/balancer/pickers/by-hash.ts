import type { Context } from '../../core/context.ts';
import type { Random } from '../../core/random.ts';
import type { Node } from '../node.ts';
import type { Picker } from '../picker.ts';
import { recall } from './recall.ts';

/** Finds the node that the calls of a hash go to; `undefined` where nobody was found who takes them. */
export type Seek = (
  nodes: readonly Node[],
  hash: number,
  ctx: Context,
  now: number,
  panicking: boolean,
) => Node | undefined;

/** A picker that seeks the node of a call with a key, and picks that of any other, or where it found none, as `recall` does. */
export function byHash(random: Random, seek: Seek): Picker {
  let other: Picker | undefined;
  let last: readonly Node[] | undefined;
  return {
    pick(nodes, ctx, now, panicking) {
      // What it remembers would keep nodes that left for as long as all calls have a key; with a pick it forgets them. It is not made anew for that: calls may
      // alternate between parts of a set.
      if (nodes !== last) other?.pick(nodes, ctx, now, panicking);
      last = nodes;
      if (nodes.length === 0) return undefined;
      const { hash } = ctx.root;
      const node = hash === undefined ? undefined : seek(nodes, hash, ctx, now, panicking);
      if (node !== undefined) return node;
      other ??= recall(random);
      return other.pick(nodes, ctx, now, panicking);
    },
    ended: (node, outcome, ctx, now) => other?.ended?.(node, outcome, ctx, now),
  };
}
