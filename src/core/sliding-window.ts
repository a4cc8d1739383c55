export const BUCKETS = 10;
/** What one of the second sum counts in a bucket, beside the first sum: a double holds whole numbers up to 2^53. */
const SECOND = 2 ** 26;

/**
 * Two sums of whole numbers over the last `spanMs`, kept in ten buckets that are turned when somebody asks: no timer, no allocation.
 *
 * What is older than nine tenths of the span may already be gone; nothing older than the span is ever counted. Less than 67 million of each
 * can be added in a tenth of the span.
 */
export class SlidingWindow {
  readonly #bucketMs: number;
  // Both sums of a bucket in one number, in a plain array: there is a window for every endpoint, and a typed array of this size is three
  // objects and memory outside the heap.
  readonly #buckets: number[] = new Array(BUCKETS).fill(0);
  #turn: number;

  /** The sum of what was added as `first` and is still within the span. */
  first = 0;
  second = 0;

  constructor(spanMs: number, now: number) {
    this.#bucketMs = spanMs / BUCKETS;
    this.#turn = Math.floor(now / this.#bucketMs);
  }

  add(now: number, first: number, second: number): void {
    this.turn(now);
    const index = this.#turn % BUCKETS;
    this.#buckets[index] = (this.#buckets[index] ?? 0) + first + second * SECOND;
    this.first += first;
    this.second += second;
  }

  /** Forgets what is too old. Call it before reading the sums. */
  turn(now: number): void {
    const turn = Math.floor(now / this.#bucketMs);
    const steps = Math.min(turn - this.#turn, BUCKETS);
    if (steps <= 0) return;
    for (let step = 1; step <= steps; step++) {
      const index = (this.#turn + step) % BUCKETS;
      const both = this.#buckets[index] ?? 0;
      const second = Math.floor(both / SECOND);
      this.first -= both - second * SECOND;
      this.second -= second;
      this.#buckets[index] = 0;
    }
    this.#turn = turn;
  }

  /** The number of the bucket that was filled last, counted from when the clock was at 0. */
  get bucket(): number {
    return this.#turn;
  }

  clear(): void {
    this.#buckets.fill(0);
    this.first = 0;
    this.second = 0;
  }
}
