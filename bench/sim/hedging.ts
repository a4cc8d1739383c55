import { RetryBudget } from '../../src/filters/retry-budget.ts';

const QUANTILE = 0.99;
const EXTRA = 0.02;
/** Latencies that are remembered, and how many new ones come before they are looked at again. */
const REMEMBERED = 1000;
const FRESH = 100;

/** When a call is sent a second time, as the design has it: a model, since it has no filter yet. */
export class Hedging {
  readonly #budget: RetryBudget;
  readonly #latencies: number[] = [];
  #count = 0;
  #afterMs: number | undefined;

  constructor(now: number) {
    this.#budget = new RetryBudget(EXTRA, 0, now);
  }

  /** A call begins. Returns after how long it is due for a second attempt; `undefined` while too little is known. */
  begin(now: number): number | undefined {
    this.#budget.deposit(now);
    return this.#afterMs;
  }

  granted(now: number): boolean {
    return this.#budget.withdraw(now);
  }

  add(latencyMs: number): void {
    this.#latencies[this.#count++ % REMEMBERED] = latencyMs;
    if (this.#count % FRESH !== 0) return;
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    this.#afterMs = sorted[Math.floor(QUANTILE * sorted.length)];
  }
}
