interface Waiting {
  readonly turn: () => void;
  readonly gaveUp: (reason: unknown) => void;
}

/** Lets a few in at a time; the others wait for their turn. */
export class Gate {
  #places: number;
  readonly #waiting = new Set<Waiting>();

  constructor(places: number) {
    this.#places = places;
  }

  /** Resolves with what gives the place back; to call it again does nothing. Rejects when `signal` is aborted first. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#places > 0) this.#places--;
    else await this.#wait(signal);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      const [next] = this.#waiting;
      if (next === undefined) this.#places++;
      else next.turn();
    };
  }

  /** Turns away all who wait. */
  turnAway(reason: unknown): void {
    for (const { gaveUp } of [...this.#waiting]) gaveUp(reason);
  }

  /** Resolves with the place of whoever has just left. */
  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', aborted);
      };
      const waiting: Waiting = {
        turn: () => {
          leave();
          resolve();
        },
        gaveUp: (reason) => {
          leave();
          reject(reason);
        },
      };
      const aborted = (): void => waiting.gaveUp(signal.reason);
      this.#waiting.add(waiting);
      signal.addEventListener('abort', aborted);
    });
  }
}
