/**
 * Events that all take the same time, and so happen in the order in which they were set: a queue does, and needs no heap. Deadlines and
 * messages on the network are most of all events.
 *
 * What is cancelled is let go of at once, so that a deadline of seconds does not keep every call of the last seconds in memory.
 */
export class Lane {
  readonly delayMs: number;
  #times = new Float64Array(1024);
  #events: ((() => void) | undefined)[] = new Array(1024).fill(undefined);
  /** Places are numbered for ever; modulo the length of the ring they are its slots. */
  #head = 0;
  #tail = 0;

  constructor(delayMs: number) {
    this.delayMs = delayMs;
  }

  /** When the next event is; `Infinity` when there is none. */
  get key(): number {
    const mask = this.#events.length - 1;
    while (this.#head < this.#tail && this.#events[this.#head & mask] === undefined) this.#head++;
    return this.#head < this.#tail ? (this.#times[this.#head & mask] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** Sets an event for `delayMs` after `now`; what is returned cancels it. */
  add(now: number, event: () => void): number {
    if (this.#tail - this.#head === this.#events.length) this.#grow();
    const slot = this.#tail & (this.#events.length - 1);
    this.#times[slot] = now + this.delayMs;
    this.#events[slot] = event;
    return this.#tail++;
  }

  /** Without effect when the event has happened. */
  cancel(place: number): void {
    if (place >= this.#head) this.#events[place & (this.#events.length - 1)] = undefined;
  }

  pop(): (() => void) | undefined {
    const slot = this.#head & (this.#events.length - 1);
    const event = this.#events[slot];
    this.#events[slot] = undefined;
    this.#head++;
    return event;
  }

  #grow(): void {
    const size = this.#events.length;
    const times = new Float64Array(size * 2);
    const events: ((() => void) | undefined)[] = new Array(size * 2).fill(undefined);
    for (let place = this.#head; place < this.#tail; place++) {
      times[place & (size * 2 - 1)] = this.#times[place & (size - 1)] ?? 0;
      events[place & (size * 2 - 1)] = this.#events[place & (size - 1)];
    }
    this.#times = times;
    this.#events = events;
  }
}
