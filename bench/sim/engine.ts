import type { Clock, Timer } from '../../src/core/clock.ts';
import { Heap } from './heap.ts';
import { Lane } from './lane.ts';

/**
 * Virtual time: events happen one after the other, and between two of them no time passes. It is the clock of the code that is simulated.
 * What happens at the same moment does so in an order that is always the same.
 */
export class Engine implements Clock {
  readonly #heap = new Heap<() => void>();
  readonly #lanes: Lane[] = [];
  #now = 0;
  #stopped = false;

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.at(this.#now + delayMs, run, undefined);
  }

  at<Subject>(moment: number, run: (subject: Subject) => void, subject: Subject): Timer {
    let pending = true;
    this.schedule(moment, () => {
      if (pending) run(subject);
    });
    return {
      cancel: () => {
        pending = false;
      },
    };
  }

  background(delayMs: number, run: () => void): Timer {
    return this.after(delayMs, run);
  }

  /** For what is never cancelled. */
  schedule(moment: number, event: () => void): void {
    this.#heap.push(Math.max(moment, this.#now), event);
  }

  /** A lane for events that all take `delayMs`. A few at most: each is looked at for every event. */
  lane(delayMs: number): Lane {
    const lane = new Lane(delayMs);
    this.#lanes.push(lane);
    return lane;
  }

  /** Lets everything happen, until there is nothing left or somebody says `stop`. */
  run(): void {
    this.#stopped = false;
    while (!this.#stopped) {
      let next: Heap<() => void> | Lane = this.#heap;
      let key = next.key;
      for (const lane of this.#lanes) {
        const other = lane.key;
        if (other < key) {
          key = other;
          next = lane;
        }
      }
      const event = next.pop();
      if (event === undefined) return;
      this.#now = key;
      event();
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}
