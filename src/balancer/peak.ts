import { LAST, LEFT, STEPS } from '../core/decay.ts';
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

  /** Whether an attempt took longer than that. */
  exceeded(attempt: Ended, now: number): boolean {
    return (
      now - attempt.startedAt >
      this.#ms * (LEFT[Math.max(0, Math.min(LAST, ((now - this.#at) * STEPS) / FORGET_MS)) | 0] ?? 0)
    );
  }

  add(attempt: Ended, now: number): void {
    const took = now - attempt.startedAt;
    // Exactly, since what is left after each of many answers is multiplied.
    const kept = Math.exp(Math.min(0, this.#at - now) / FORGET_MS);
    const faded = this.#ms * kept;
    this.#ms = took > faded ? took : faded + took * (1 - kept);
    this.#at = now;
  }
}
