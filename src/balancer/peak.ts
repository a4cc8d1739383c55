import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { Mean } from './load-means.ts';
import type { LoadReading } from './load-reading.ts';

/** Time constant with which the past is forgotten. */
const FORGET_MS = 10_000;

interface Ended {
  readonly startedAt: number;
}

/** A mean of how long attempts took that goes up to each longer one at once, and comes down slowly: to what follows, and to nothing while nothing does. */
export class Peak {
  // Numbers from the beginning: a field that was once undefined allocates each that it is given.
  #ms = 0;
  #at: number = Number.NEGATIVE_INFINITY;

  read(into: LoadReading, now: number): void {
    into.serviceMs = this.#ms * (LEFT[Math.max(0, Math.min(LAST, ((now - this.#at) * STEPS) / FORGET_MS)) | 0] ?? 0);
  }

  /** An attempt is over that took as long as it did, and no less than `atLeast`. */
  add({ startedAt }: Ended, now: number, atLeast?: Mean): void {
    const least = atLeast === undefined ? 0 : atLeast.value;
    const took = now - startedAt > least ? now - startedAt : least;
    // Exactly, since what is left after each of many answers is multiplied.
    const kept = Math.exp(Math.min(0, this.#at - now) / FORGET_MS);
    const faded = this.#ms * kept;
    this.#ms = took > faded ? took : faded + took * (1 - kept);
    this.#at = now;
  }
}
