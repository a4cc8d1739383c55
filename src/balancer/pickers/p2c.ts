import type { Context } from '../../core/context.ts';
import { below, type Random } from '../../core/random.ts';
import type { Node } from '../node.ts';
import type { Picker } from '../picker.ts';
import { GOOD, portion, rank } from '../rank.ts';

const DRAWS = 5;

/**
 * The better of two distinct nodes drawn at random: the one with less against it, then the one with fewer requests on their way for the
 * portion of the traffic that it should have.
 *
 * Two draws are enough to avoid herding on the node that looks idlest to everyone at once (Mitzenmacher, 2001). When both of a pair are
 * unfit it draws again, five times at most, and then looks at every node once: that happens only when most of them are unfit.
 */
export const p2c = (random: Random): Picker => ({
  pick(nodes, ctx, now, panicking) {
    const count = nodes.length;
    if (count < 2) return nodes[0];
    for (let draw = 0; draw < DRAWS; draw++) {
      const first = below(random, count);
      const second = below(random, count - 1);
      const node = better(nodes[first], nodes[second < first ? second : second + 1], ctx, now, panicking, random);
      if (node !== undefined && rank(node, ctx, now, panicking) <= GOOD) return node;
    }
    let best: Node | undefined;
    const from = below(random, count);
    for (let i = 0; i < count; i++) best = better(best, nodes[(from + i) % count], ctx, now, panicking, random);
    return best;
  },
});

/** The node to prefer; `a` when there is nothing to choose between them. */
function better(
  a: Node | undefined,
  b: Node | undefined,
  ctx: Context,
  now: number,
  panicking: boolean,
  random: Random,
): Node | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  const difference = rank(a, ctx, now, panicking) - rank(b, ctx, now, panicking);
  if (difference !== 0) return difference < 0 ? a : b;
  const ofA = portion(a, now);
  const ofB = portion(b, now);
  if (ofA === ofB) return a.running <= b.running ? a : b;
  return load(a, ofA, random) <= load(b, ofB, random) ? a : b;
}

/**
 * What one more request would mean for a node: those on their way and this one, for the portion that it should have.
 *
 * The one to come counts as 1 on average, exponentially distributed. Of two that are idle each then wins as often as its portion says;
 * if it counted as exactly 1, the one with the smaller portion would get nothing until the other was busy.
 */
function load(node: Node, portion: number, random: Random): number {
  return (node.running - Math.log(1 - random())) / portion;
}
