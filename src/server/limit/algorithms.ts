import type { LimitAlgorithm, ResolvedLimit } from './limit-options.ts';

/** What a stretch of time tells of the limit. */
export interface Stretch {
  /** Mean time of the requests that ended in it. */
  readonly meanMs: number;
  /** What one takes when few others are in flight; NaN while that is not known. */
  readonly idleMs: number;
  /** Whether one took longer than its caller waits, or than `slowMs`. */
  readonly late: boolean;
  /** Whether at least half of the limit was in use: a limit that nobody reaches says nothing when nothing goes wrong. */
  readonly used: boolean;
}

/** The next limit after a stretch, not yet held within its bounds. */
export type Algorithm = (limit: number, stretch: Stretch) => number;

export function algorithmOf({ algorithm }: ResolvedLimit): Algorithm {
  return ALGORITHMS[algorithm];
}

/** So much slower than idle is still well. */
const TOLERANCE = 1.5;
const SMOOTHING = 0.2;
const AIMD_BACKOFF = 0.9;

/**
 * Gradient2 of Netflix's concurrency-limits: the limit is multiplied by how much slower than idle requests are, half at the least, and gets some
 * room to grow, the root of itself. In balance requests take half as long again as idle, and a little more: nobody who works is without work.
 */
const gradient2: Algorithm = (limit, { meanMs, idleMs, used }) => {
  if (!used || Number.isNaN(idleMs)) return limit;
  const gradient = Math.max(0.5, Math.min(1, (TOLERANCE * idleMs) / meanMs));
  const next = limit * gradient + Math.max(4, Math.sqrt(limit));
  return limit + SMOOTHING * (next - limit);
};

/** One more while all is well, a tenth less when something was late (Chiu and Jain, 1989). */
const aimd: Algorithm = (limit, { late, used }) => {
  if (late) return limit * AIMD_BACKOFF;
  return used ? limit + 1 : limit;
};

/** TCP Vegas as Netflix has it: holds the number of requests that wait, as guessed from the latency, between 3 and 6 times log10 of the limit. */
const vegas: Algorithm = (limit, { meanMs, idleMs, late, used }) => {
  const step = Math.max(1, Math.log10(limit));
  if (late) return limit - step;
  if (!used || Number.isNaN(idleMs)) return limit;
  const waiting = limit * Math.max(0, 1 - idleMs / meanMs);
  if (waiting <= step) return limit + 6 * step;
  if (waiting < 3 * step) return limit + step;
  return waiting > 6 * step ? limit - step : limit;
};

const ALGORITHMS: Readonly<Record<LimitAlgorithm, Algorithm>> = { gradient2, aimd, vegas };
