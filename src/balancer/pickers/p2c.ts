import type { Random } from '../../core/random.ts';
import { Draws } from '../draws.ts';
import type { Node } from '../node.ts';
import type { Picker } from '../picker.ts';
import { portion } from '../rank.ts';
import { betterOfTwo } from './better-of-two.ts';

/** Of two drawn at random the one with the fewer requests of this process on their way, for the portion of the traffic that it should have. */
export function p2c(random: Random): Picker {
  const lighter = (a: Node, b: Node, now: number) =>
    a.running > 0 && b.running * portion(a, now) < a.running * portion(b, now);
  return { pick: betterOfTwo(new Draws(random), lighter) };
}
