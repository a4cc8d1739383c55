import type { Clock, Timer } from '../core/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. Timers run in the order of their times, then of their making. */
export class ManualClock implements Clock {
  #now: number;
  readonly #epoch: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  /** `now` is where the monotonic time begins; the wall clock begins at `wall`. */
  constructor(now = 1_000_000, wall = Date.UTC(2026, 0, 1)) {
    this.#now = now;
    this.#epoch = wall - now;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#epoch + this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    const pending: Pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  at<Subject>(moment: number, run: (subject: Subject) => void, subject: Subject): Timer {
    return this.after(moment - this.#now, () => run(subject));
  }

  background(delayMs: number, run: () => void): Timer {
    return this.after(delayMs, run);
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Moves time on by `ms`, running each timer at its own time. Between timers, promises that are already settled get their turn, so that
   * a test can `await` this and then look.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      this.#pending.delete(next);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    for (const one of this.#pending) {
      if (earliest === undefined || one.at < earliest.at || (one.at === earliest.at && one.order < earliest.order))
        earliest = one;
    }
    return earliest;
  }
}

/** Lets everything that needs no time happen: all microtasks, however long their chains. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
