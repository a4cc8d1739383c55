import { decay } from '../core/decay.ts';

/** Time constant with which the past is forgotten. */
const FORGET_MS = 10_000;

interface Ended {
  readonly startedAt: number;
}

/** A mean of how long attempts took that goes up to each longer one at once, and comes down slowly: to what follows, and to nothing while nothing does. */
export class Peak {
  #ms: number;
  #at: number;

  constructor(attempt: Ended, now: number) {
    this.#ms = now - attempt.startedAt;
    this.#at = now;
  }

  value(now: number): number {
    return this.#ms * decay((now - this.#at) / FORGET_MS);
  }

  add(attempt: Ended, now: number): void {
    const took = now - attempt.startedAt;
    // Exactly, since what is left after each of many answers is multiplied.
    const left = Math.exp(Math.min(0, this.#at - now) / FORGET_MS);
    const faded = this.#ms * left;
    this.#ms = took > faded ? took : faded + took * (1 - left);
    this.#at = now;
  }
}
