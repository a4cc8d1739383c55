import type { Clock } from './clock.ts';

/** Long enough to get on, short enough that what else the process does hardly notices: with what follows, less than 5 ms. */
const SLICE_MS = 2;

/** Long work done in slices, so that everything else has its turn in between. */
export class Turns {
  readonly #clock: Clock;
  #since: number;

  /** The first slice begins now. */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** Whether this slice has lasted long enough: then `await next()`. Cheap, but not free: ask every few dozen steps. */
  get over(): boolean {
    return this.#clock.now() - this.#since >= SLICE_MS;
  }

  /** Resolves in a slice of its own, when everybody else had a turn. */
  async next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#since = this.#clock.now();
  }
}
