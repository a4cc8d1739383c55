/** For so long no call has to succeed. A service that is gone for less is spared the rest that would follow. */
const LONG_MS = 1_000;

/**
 * The failures since the last success. Where nothing succeeds any more a share of the last ten seconds says so late: after five of them, in which every call
 * waits for its time to be over, and leaves work behind that the servers find when they are back.
 */
export class Streak {
  #count = 0;
  #since = 0;

  get count(): number {
    return this.#count;
  }

  ended(): void {
    this.#count = 0;
  }

  failed(now: number): void {
    if (this.#count++ === 0) this.#since = now;
  }

  /** How long nothing has succeeded; 0 while that is too short to mean anything. */
  lastsMs(now: number): number {
    const ms = this.#count === 0 ? 0 : now - this.#since;
    return ms >= LONG_MS ? ms : 0;
  }
}
