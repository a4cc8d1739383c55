import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Node } from '../node.ts';
import { perSet } from '../per-set.ts';
import type { Picker } from '../picker.ts';
import { GOOD, rank } from '../rank.ts';
import { leastOf } from './least-loaded.ts';

/** Turns of unfit nodes that pass before all nodes are looked at. */
const PASSED = 16;
/** What sets off the rounds in which light nodes come, one from the other: the golden ratio spreads any number of them evenly. */
const SPREAD = (Math.sqrt(5) - 1) / 2;

interface Turn {
  place: number;
  round: number;
}

/**
 * Each node in its turn, the heaviest in every round and one of half its weight in every other: of weights 5, 1, 1 the first comes five times in
 * seven, not in a row, in an order as smooth as that of nginx. Nginx looks at every peer for each pick; this only at those that are not in turn, so it takes as
 * many steps as the heaviest weighs more than the mean. It begins anywhere, so that many processes do not go in step.
 */
export function weightedRoundRobin(random: Random): Picker {
  const draws = new Draws(random);
  const turnOf = perSet((nodes): Turn => ({ place: draws.below(nodes.length), round: draws.below(1_000_000) }));

  const next = (nodes: readonly Node[], turn: Turn, now: number): Node | undefined => {
    for (;;) {
      if (++turn.place >= nodes.length) {
        turn.place = 0;
        turn.round++;
      }
      const node = nodes[turn.place];
      if (node === undefined) return undefined;
      draws.weigh(node, now);
      const { portion } = draws;
      if (portion >= 1) return node;
      // Where this round ends is worked out as the next one works out where it begins: if the two were rounded apart, a turn would be lost or given twice.
      const offset = turn.place * SPREAD;
      if (Math.floor((turn.round + 1) * portion + offset) > Math.floor(turn.round * portion + offset)) return node;
    }
  };
  return {
    pick(nodes, ctx, now, panicking) {
      draws.from(nodes);
      const turn = turnOf(nodes);
      if (nodes.length < 2) return nodes[0];
      for (let passed = 0; passed < PASSED; passed++) {
        const node = next(nodes, turn, now);
        if (node !== undefined && rank(node, ctx, now, panicking) <= GOOD) return node;
      }
      return leastOf(nodes, draws, ctx, now, panicking);
    },
  };
}
