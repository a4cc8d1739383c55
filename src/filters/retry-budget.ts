import { SlidingWindow } from '../core/sliding-window.ts';

const WINDOW_MS = 10_000;

/**
 * How many retries a service may be given: a share of the calls of the last ten seconds, and a few a second on top so that a client that
 * calls rarely may retry at all. One budget serves every cause of retrying, so that together they cannot multiply an overload (Finagle's
 * `RetryBudget`).
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #floor: number;
  /** First: calls made. Second: retries granted. */
  readonly #window: SlidingWindow;

  /** `ratio`: retries per call. `perSecond`: retries that are always allowed. */
  constructor(ratio: number, perSecond: number, now: number) {
    this.#ratio = ratio;
    this.#floor = (perSecond * WINDOW_MS) / 1000;
    this.#window = new SlidingWindow(WINDOW_MS, now);
  }

  /** Counts a call. */
  deposit(now: number): void {
    this.#window.add(now, 1, 0);
  }

  /** Takes one retry, if one is left. To be asked when the retry is decided, not after its wait: those that wait would not be counted. */
  withdraw(now: number): boolean {
    this.#window.turn(now);
    if (this.#ratio * this.#window.first + this.#floor - this.#window.second < 1) return false;
    this.#window.add(now, 0, 1);
    return true;
  }
}
