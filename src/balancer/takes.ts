import type { Context } from '../core/context.ts';
import { mixed } from '../core/hash.ts';
import type { Weighed } from './health.ts';
import type { Node } from './node.ts';
import { GOOD, rank } from './rank.ts';

const HASHES = 2 ** 32;
/** Of the node that was looked at last: not made for each. */
const share: Weighed = { portion: Number.NaN };

/**
 * Whether a node takes the calls of a key that falls to it. In its slow start it takes its share of the keys, and no other: as that grows, one key after the
 * other comes over to it and stays.
 */
export function takes(node: Node, hash: number, ctx: Context, now: number, panicking: boolean): boolean {
  if (node.retired || rank(node, ctx, now, panicking) > GOOD) return false;
  if (node.plain || node.health.full(now)) return true;
  node.health.weigh(share, now);
  return (mixed(~hash) >>> 0) / HASHES < share.portion;
}
