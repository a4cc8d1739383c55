import type { Random } from '../../src/core/random.ts';

/** How much work one call is: milliseconds of one worker at speed 1. */
export type Work =
  | { readonly kind: 'constant'; readonly ms: number }
  | { readonly kind: 'exponential'; readonly meanMs: number }
  /** Long with the probability `longRatio`, else short. */
  | { readonly kind: 'bimodal'; readonly shortMs: number; readonly longMs: number; readonly longRatio: number }
  /** `sigma`: of the logarithm. */
  | { readonly kind: 'lognormal'; readonly meanMs: number; readonly sigma: number }
  /** Bounded Pareto: between `leastMs` and `mostMs`, with the tail index `alpha`, not 1. */
  | { readonly kind: 'pareto'; readonly leastMs: number; readonly mostMs: number; readonly alpha: number }
  /** What falls below `leastMs` is `leastMs`. */
  | { readonly kind: 'normal'; readonly meanMs: number; readonly deviationMs: number; readonly leastMs: number };

/** Draws the work of one call. Each kind takes the same number of chances for each call. */
export function drawWork(work: Work, random: Random): number {
  switch (work.kind) {
    case 'constant':
      return work.ms;
    case 'exponential':
      return exponential(work.meanMs, random);
    case 'bimodal':
      return random() < work.longRatio ? work.longMs : work.shortMs;
    case 'lognormal':
      return work.meanMs * Math.exp(work.sigma * normal(random) - work.sigma ** 2 / 2);
    case 'pareto': {
      const { leastMs, mostMs, alpha } = work;
      return leastMs / (1 - random() * (1 - (leastMs / mostMs) ** alpha)) ** (1 / alpha);
    }
    case 'normal':
      return Math.max(work.leastMs, work.meanMs + work.deviationMs * normal(random));
  }
}

/** The mean, in milliseconds. */
export function meanOf(work: Work): number {
  switch (work.kind) {
    case 'constant':
      return work.ms;
    case 'exponential':
    case 'lognormal':
      return work.meanMs;
    case 'bimodal':
      return work.longRatio * work.longMs + (1 - work.longRatio) * work.shortMs;
    case 'pareto':
      return moment(work, 1);
    case 'normal': {
      const { meanMs, deviationMs, leastMs } = work;
      const z = (leastMs - meanMs) / deviationMs;
      const below = cumulated(z);
      const density = Math.exp(-(z ** 2) / 2) / Math.sqrt(2 * Math.PI);
      return leastMs * below + meanMs * (1 - below) + deviationMs * density;
    }
  }
}

export function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random());
}

/** E[X^n] of a bounded Pareto, for n other than alpha. */
export function moment(work: Extract<Work, { kind: 'pareto' }>, n: number): number {
  const { leastMs, mostMs, alpha } = work;
  const norm = 1 - (leastMs / mostMs) ** alpha;
  return ((alpha * leastMs ** alpha) / norm / (alpha - n)) * (leastMs ** (n - alpha) - mostMs ** (n - alpha));
}

/** Standard normal, after Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** The share of a standard normal below `z`, by Simpson's rule. */
function cumulated(z: number): number {
  const steps = 400;
  const from = -8;
  const width = (z - from) / steps;
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const x = from + i * width;
    sum += Math.exp(-(x ** 2) / 2) * (i === 0 || i === steps ? 1 : i % 2 === 0 ? 2 : 4);
  }
  return ((width / 3) * sum) / Math.sqrt(2 * Math.PI);
}
