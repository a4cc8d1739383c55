/** A source of chance: a number of at least 0 and below 1. Passed in, so that a test can seed it. */
export type Random = () => number;

export const systemRandom: Random = Math.random;

/** A whole number of at least 0 and below `bound`. */
export function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** `value` spread evenly over ± `ratio` of itself, so that many processes do not act in step. */
export function jittered(random: Random, value: number, ratio: number): number {
  return value * (1 + ratio * (2 * random() - 1));
}
