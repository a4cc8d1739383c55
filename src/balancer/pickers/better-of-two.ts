import type { Draws } from '../draws.ts';
import type { Node } from '../node.ts';
import type { Picker } from '../picker.ts';
import { GOOD, rank } from '../rank.ts';
import { leastOf } from './least-loaded.ts';

/** Pairs that are drawn before all nodes are looked at, which happens only when most of them are unfit. */
export const PAIRS = 5;

/** Whether `b` has less to do than `a`. */
export type Lighter = (a: Node, b: Node, now: number) => boolean;

/**
 * The better of two distinct nodes drawn by weight: the one with less against it, then the one with less to do. Of two alike it is the first, so that
 * nodes that are idle get exactly what their weights say.
 *
 * Two draws are enough to avoid herding on the node that looks idlest to everyone at once (Mitzenmacher, 2001).
 */
export function betterOfTwo(draws: Draws, lighter: Lighter): Picker['pick'] {
  return (nodes, ctx, now, panicking) => {
    draws.from(nodes);
    if (nodes.length < 2) return nodes[0];
    for (let pair = 0; pair < PAIRS; pair++) {
      const place = draws.one(now);
      const other = draws.another(place, now);
      const first = nodes[place];
      const second = other < 0 ? first : nodes[other];
      if (first === undefined || second === undefined) break;
      const ofFirst = rank(first, ctx, now, panicking);
      const ofSecond = rank(second, ctx, now, panicking);
      if (Math.min(ofFirst, ofSecond) > GOOD) continue;
      if (ofFirst !== ofSecond) return ofFirst < ofSecond ? first : second;
      return lighter(first, second, now) ? second : first;
    }
    return leastOf(nodes, draws, ctx, now, panicking);
  };
}
