import type { ResolvedHedge } from './hedge-options.ts';
import { RetryBudget } from './retry-budget.ts';

/** Latencies that are remembered, and how many new ones come before they are looked at again. */
const REMEMBERED = 1000;
const FRESH = 100;

/**
 * After how long a call is sent a second time, and whether it still may be: measured over the last thousand calls that were answered, so that it
 * follows the service, and paid from a budget of its own, so that a service that slows down is not sent more for it (Dean and Barroso, "The tail at
 * scale", 2013).
 */
export class Hedging {
  readonly #quantile: number;
  readonly #budget: RetryBudget;
  readonly #latencies: number[] = [];
  #count = 0;
  #afterMs: number | undefined;

  constructor({ quantile, budgetRatio }: ResolvedHedge, now: number) {
    this.#quantile = quantile;
    this.#budget = new RetryBudget(budgetRatio, 0, now);
  }

  /** A call begins. Returns after how long it is due for a second attempt; `undefined` while too little is known. */
  begin(now: number): number | undefined {
    this.#budget.deposit(now);
    return this.#afterMs;
  }

  /** Takes a second attempt from the budget, if one is left. To be asked when it would be sent. */
  granted(now: number): boolean {
    return this.#budget.withdraw(now);
  }

  /** A call was answered well. */
  add(latencyMs: number): void {
    this.#latencies[this.#count++ % REMEMBERED] = latencyMs;
    if (this.#count % FRESH !== 0) return;
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    this.#afterMs = sorted[Math.floor(this.#quantile * sorted.length)];
  }
}
