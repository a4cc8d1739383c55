import type { Random } from './random.ts';

/** Milliseconds to wait before the retry with this number, counted from 0. */
export type Backoff = (retry: number) => number;

/**
 * Full jitter: a random time between 0 and `baseMs` · 2^retry, at most `capMs`.
 *
 * Waits drawn from the whole range spread the clients of a recovering server best ("Exponential Backoff And Jitter", AWS, 2015).
 */
export function fullJitter(baseMs: number, capMs: number, random: Random): Backoff {
  return (retry) => random() * Math.min(capMs, baseMs * 2 ** Math.min(retry, 30));
}
