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

/** One more than the largest number that `integers` gives. */
export const INTEGERS = 2 ** 31;

/**
 * Whole numbers of at least 0 and below 2^31, in an order that `random` decides. For where nothing may be allocated: each fraction that `random`
 * returns is an object on the heap. Chance good enough to balance with, not for secrets (sfc32 of PractRand).
 */
export function integers(random: Random): () => number {
  let a = below(random, INTEGERS);
  let b = below(random, INTEGERS);
  let c = below(random, INTEGERS);
  let count = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 1;
  };
  // The first dozen still shows the seed.
  for (let i = 0; i < 12; i++) next();
  return next;
}
