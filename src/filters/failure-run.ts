/** So many attempts in a row say that no endpoint is well. */
const MINIMUM = 20;
/** What failed longer ago than that before the next does is of another time. */
const WINDOW_MS = 10_000;

/**
 * The attempts at a service that failed since the last that was answered. Only those count that began after the first of them had failed: what one endpoint has in flight fails at
 * once when it dies, and says nothing of the others.
 *
 * A budget alone gives away all that was saved in ten good seconds when all endpoints hang: five seconds of work for nobody, which they find when they are back.
 */
export class FailureRun {
  #since = Number.POSITIVE_INFINITY;
  #count = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Whether nobody answers whoever is asked. */
  get long(): boolean {
    return this.#count >= MINIMUM;
  }

  answered(): void {
    this.#since = Number.POSITIVE_INFINITY;
    this.#count = 0;
  }

  failed(startedAt: number, now: number): void {
    if (now - this.#lastAt > WINDOW_MS) this.answered();
    this.#lastAt = now;
    if (startedAt > this.#since) this.#count++;
    else if (this.#since === Number.POSITIVE_INFINITY) this.#since = now;
  }
}
