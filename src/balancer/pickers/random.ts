import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Picker } from '../picker.ts';
import { GOOD, rank } from '../rank.ts';
import { leastOf } from './least-loaded.ts';

/** Before all nodes are looked at. */
const DRAWN = 10;

/** Any node, each as often as its weight says, whatever it has to do. */
export function randomPicker(random: Random): Picker {
  const draws = new Draws(random);
  return {
    pick(nodes, ctx, now, panicking) {
      draws.from(nodes);
      if (nodes.length < 2) return nodes[0];
      for (let drawn = 0; drawn < DRAWN; drawn++) {
        const node = nodes[draws.one(now)];
        if (node !== undefined && rank(node, ctx, now, panicking) <= GOOD) return node;
      }
      return leastOf(nodes, draws, ctx, now, panicking);
    },
  };
}
