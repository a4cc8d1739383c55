import { setTimeout as delay } from 'node:timers/promises';

/** No single step takes this long, however slow the machine. */
const PATIENCE_MS = 30_000;

/** Ways to wait that end when the demo has to. */
export class Patience {
  readonly #ending: AbortSignal;

  constructor(ending: AbortSignal) {
    this.#ending = ending;
  }

  async hold(ms: number): Promise<void> {
    await this.#orEnding(delay(ms, undefined, { ref: true, signal: this.#ending }));
  }

  /** Waits for a step; `what` is what did not happen when it takes too long. The signal tells the step to give up. */
  async for<T>(what: string, step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const enough = new AbortController();
    const signal = AbortSignal.any([this.#ending, enough.signal]);
    const limit = delay(PATIENCE_MS, undefined, { signal }).then(() => {
      throw new Error(`${what} within ${PATIENCE_MS / 1_000} s`);
    });
    try {
      return await this.#orEnding(Promise.race([step(signal), limit]));
    } finally {
      enough.abort();
    }
  }

  /** Whatever ends with the demo ends with the reason for that. */
  async #orEnding<T>(wait: Promise<T>): Promise<T> {
    try {
      return await wait;
    } catch (error) {
      throw this.#ending.aborted ? this.#ending.reason : error;
    }
  }
}
