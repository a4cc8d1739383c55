import { TokenBucket } from '../../core/token-bucket.ts';
import type { ResolvedRate } from './limit-options.ts';

/** Callers that are known at a time: whoever was not heard of longest begins anew. */
const MOST_CALLERS = 1_000;

/** A token bucket for each caller. Names come from outside, so there are only so many. */
export class CallerRates {
  readonly #options: ResolvedRate;
  /** Whoever was heard of longest ago is first. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(options: ResolvedRate) {
    this.#options = options;
  }

  /** Milliseconds until the caller may come again; 0 when it may now. */
  take(caller: string, now: number): number {
    const { perSecond, burst } = this.#options;
    const bucket = this.#buckets.get(caller) ?? new TokenBucket(perSecond, burst, now);
    this.#buckets.delete(caller);
    this.#buckets.set(caller, bucket);
    if (this.#buckets.size > MOST_CALLERS) {
      const [oldest = caller] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    return bucket.take(now) ? 0 : bucket.untilNextMs(now);
  }
}
