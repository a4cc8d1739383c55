const BUCKETS = 10;

/**
 * Two sums over the last `spanMs`, kept in ten buckets that are turned when somebody asks: no timer, no allocation.
 *
 * What is older than nine tenths of the span may already be gone; nothing older than the span is ever counted.
 */
export class SlidingWindow {
  readonly #bucketMs: number;
  // Plain arrays: there is a window for every endpoint, and a typed array of this size is three objects and memory outside the heap.
  readonly #first: number[] = new Array(BUCKETS).fill(0);
  readonly #second: number[] = new Array(BUCKETS).fill(0);
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
    this.#first[index] = (this.#first[index] ?? 0) + first;
    this.#second[index] = (this.#second[index] ?? 0) + second;
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
      this.first -= this.#first[index] ?? 0;
      this.second -= this.#second[index] ?? 0;
      this.#first[index] = 0;
      this.#second[index] = 0;
    }
    this.#turn = turn;
  }

  clear(): void {
    this.#first.fill(0);
    this.#second.fill(0);
    this.first = 0;
    this.second = 0;
  }
}
