import type { Context } from '../core/context.ts';
import type { Random } from '../core/random.ts';
import type { Node } from './node.ts';

/**
 * Chooses the node of an attempt. It is synchronous, allocates nothing, and returns `undefined` only when `nodes` is empty: a node that is
 * down is still better than none.
 */
export interface Picker {
  /** `panicking`: more than half are down, so health is not to be trusted and load alone decides. */
  pick(nodes: readonly Node[], ctx: Context, now: number, panicking: boolean): Node | undefined;
}

export type MakePicker = (random: Random) => Picker;
