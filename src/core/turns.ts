import type { Clock } from './clock.ts';

/** Long enough to get on, short enough that what else the process does hardly notices: with what follows, less than 5 ms. */
const SLICE_MS = 2;

/**
 * Long work done in slices, so that everything else has its turn in between. Several pieces of work may share the slices: all that is done in
 * one turn of the event loop is one slice.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** When the slice of this turn began. */
  #since: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether this slice has lasted long enough: then `await next()`. Cheap, but not free: ask every few dozen steps. */
  get over(): boolean {
    return this.#clock.now() - this.#begun() >= SLICE_MS;
  }

  /** Resolves in another slice, when everybody else had a turn. Those who wait go on one after the other. */
  next(): Promise<void> {
    this.#begun();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #begun(): number {
    if (this.#since === undefined) {
      this.#since = this.#clock.now();
      setImmediate(this.#turn);
    }
    return this.#since;
  }

  readonly #turn = (): void => {
    this.#since = undefined;
    this.#goOn();
  };

  readonly #goOn = (): void => {
    if (this.#waiting.length === 0 || this.over) return;
    this.#waiting.shift()?.();
    // After that one, which goes on up to where it waits again.
    queueMicrotask(this.#goOn);
  };
}
