/**
 * The longest turn of the event loop, in CPU time of its thread: what holds everything else up, without what other processes do to the
 * clock on the wall. A turn may do several things one after the other, and collects garbage; so no slice of work is longer than this.
 */
export class TurnMeter {
  #last: number;
  #running = true;
  #longest = 0;

  constructor() {
    this.#last = cpuMs();
    setImmediate(this.#turn);
  }

  /** Ends it; the longest turn in milliseconds. */
  stop(): number {
    this.#running = false;
    return Math.max(this.#longest, cpuMs() - this.#last);
  }

  readonly #turn = (): void => {
    if (!this.#running) return;
    const now = cpuMs();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
    setImmediate(this.#turn);
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
