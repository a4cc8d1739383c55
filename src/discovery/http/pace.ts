/** Lets `burst` through at once and one per `everyMs` in the long run, by telling each how long to wait. It never refuses. */
export class Pace {
  readonly #everyMs: number;
  readonly #allowanceMs: number;
  /** When the next is due, were they to come evenly. */
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number, burst: number) {
    this.#everyMs = everyMs;
    this.#allowanceMs = (burst - 1) * everyMs;
  }

  /** Milliseconds that the next has to wait. Asking takes its place. */
  waitMs(now: number): number {
    const waitMs = Math.max(0, this.#dueAt - this.#allowanceMs - now);
    this.#dueAt = Math.max(this.#dueAt, now) + this.#everyMs;
    return waitMs;
  }
}
