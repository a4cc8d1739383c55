import { INTEGERS, type Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Node } from '../node.ts';
import { perSet } from '../per-set.ts';
import type { Picker } from '../picker.ts';
import { GOOD, rank } from '../rank.ts';

/**
 * One node after the other, each the same number of times whatever its weight; it begins anywhere, so that many processes do not go in step. One
 * that is unfit is passed over, and its turn goes to the one behind it.
 */
export function roundRobin(random: Random): Picker {
  const draws = new Draws(random);
  // One for each part of the set: of one for all, a small part would bring a large one back to its beginning.
  const turnOf = perSet((nodes) => ({ place: draws.below(nodes.length) }));
  return {
    pick(nodes, ctx, now, panicking) {
      const count = nodes.length;
      const turn = turnOf(nodes);
      let best: Node | undefined;
      let against = Number.POSITIVE_INFINITY;
      for (let i = 0; i < count; i++) {
        turn.place = turn.place + 1 < count ? turn.place + 1 : 0;
        const node = nodes[turn.place];
        if (node === undefined) continue;
        const againstIt = rank(node, ctx, now, panicking);
        if (againstIt <= GOOD) {
          if (node.plain || node.health.full(now)) return node;
          // In its slow start a node gives most of its turns away.
          node.health.weigh(draws, now);
          if (draws.next() < draws.portion * INTEGERS) return node;
        }
        if (againstIt >= against) continue;
        best = node;
        against = againstIt;
      }
      return best;
    },
  };
}
