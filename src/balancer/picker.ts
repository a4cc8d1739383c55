import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import type { Random } from '../core/random.ts';
import type { Node } from './node.ts';

/** How an attempt at a node ended: `ignorable` says nothing about it, `unreachable` that nobody could be reached there. */
export type NodeOutcome = 'success' | 'failure' | 'unreachable' | 'ignorable';

/**
 * Chooses the node of an attempt. It is synchronous, allocates nothing, and returns `undefined` only when `nodes` is empty: a node that is
 * down is still better than none.
 *
 * A set has one picker, which is given all of its nodes or parts of them. An array of nodes never changes, so what is made of it may be kept for as long
 * as it comes again; of nodes that left, a picker may keep none beyond its next pick.
 */
export interface Picker {
  /** `panicking`: more than half are down, so health is not to be trusted and load alone decides. */
  pick(nodes: readonly Node[], ctx: Context, now: number, panicking: boolean): Node | undefined;
  /** Told how each attempt ended, after the node itself was. */
  ended?(node: Node, outcome: NodeOutcome, ctx: Context, now: number): void;
}

export type MakePicker = (random: Random, clock: Clock) => Picker;
