/** How a call ended for who made it. */
export type Ending = 'success' | 'failure' | 'timeout';

/** What came of the calls of one run. Latencies are those of calls that succeeded; one that timed out counts with its deadline. */
export interface Summary {
  /** Calls that were made, and how many of those ended each way. */
  readonly calls: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  /** Requests that were sent for them. */
  readonly sent: number;
  /** How many of these went to another zone. */
  readonly away: number;
  readonly meanMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export class Tally {
  #latencies = new Float64Array(1 << 16);
  #count = 0;
  #succeeded = 0;
  #failed = 0;
  #timedOut = 0;
  sent = 0;
  away = 0;

  add(ending: Ending, latencyMs: number): void {
    if (ending === 'failure') {
      this.#failed++;
      return;
    }
    if (ending === 'success') this.#succeeded++;
    else this.#timedOut++;
    if (this.#count === this.#latencies.length) {
      const more = new Float64Array(this.#count * 2);
      more.set(this.#latencies);
      this.#latencies = more;
    }
    this.#latencies[this.#count++] = latencyMs;
  }

  summary(): Summary {
    const sorted = this.#latencies.subarray(0, this.#count).slice().sort();
    const at = (ratio: number) => sorted[Math.min(this.#count - 1, Math.floor(ratio * this.#count))] ?? Number.NaN;
    return {
      calls: this.#succeeded + this.#failed + this.#timedOut,
      succeeded: this.#succeeded,
      failed: this.#failed,
      timedOut: this.#timedOut,
      sent: this.sent,
      away: this.away,
      meanMs: sorted.reduce((sum, ms) => sum + ms, 0) / this.#count,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
    };
  }
}
