/** How long a tier that was too small has to be large enough before it is preferred again. */
const STEADY_MS = 10_000;

/**
 * Whether something may stand alone, so that it does not flap: it may when it is first seen to be large enough, no more once it is too small, and
 * again when it has been large enough for a while.
 */
export class Standing {
  #alone: boolean | undefined;
  #enoughSince: number | undefined;

  /** Whether time alone may change the answer. */
  get waiting(): boolean {
    return this.#alone === false && this.#enoughSince !== undefined;
  }

  look(enough: boolean, now: number): boolean {
    if (!enough) {
      this.#alone = false;
      this.#enoughSince = undefined;
    } else if (this.#alone === false) {
      this.#enoughSince ??= now;
      this.#alone = now - this.#enoughSince >= STEADY_MS;
    } else this.#alone = true;
    return this.#alone;
  }
}
