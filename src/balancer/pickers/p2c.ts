import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Weighed } from '../health.ts';
import type { Node } from '../node.ts';
import type { Picker } from '../picker.ts';
import { weigh } from '../rank.ts';
import { betterOfTwo } from './better-of-two.ts';

/** Of two drawn at random the one with the fewer requests of this process on their way, for the portion of the traffic that it should have. */
export function p2c(random: Random): Picker {
  const [ofA, ofB]: [Weighed, Weighed] = [{ portion: Number.NaN }, { portion: Number.NaN }];
  const lighter = (a: Node, b: Node, now: number) => {
    if (a.running === 0) return false;
    weigh(ofA, a, now);
    weigh(ofB, b, now);
    return b.running * ofA.portion < a.running * ofB.portion;
  };
  return { pick: betterOfTwo(new Draws(random), lighter) };
}
