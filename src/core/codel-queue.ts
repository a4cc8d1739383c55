import type { Clock, Timer } from './clock.ts';
import { PRIORITIES, type Priority } from './priority.ts';
import type { ResolvedQueue } from './queue-options.ts';

/** A request that waits, or a call: exactly one of the two is called, unless `leave` was called before. */
export interface Waiting {
  readonly priority: Priority;
  readonly admit: () => void;
  readonly refuse: () => void;
}

interface Place extends Waiting {
  readonly at: number;
  timer: Timer | undefined;
}

/**
 * So many that wait are no standing queue, but what keeps workers busy while nobody comes: one worker that is offered a tenth too much is idle for 2 % of
 * the time with 18 places (M/M/1/18), for 4 % with 12. As CoDel never drops the last packet of a queue.
 */
const FEW = 16;

/**
 * A short queue that keeps no standing queue (CoDel, Nichols and Jacobson 2012, as Facebook has it for requests). Nobody waits longer than
 * `intervalMs`. When for so long nobody came through within `targetMs`, waiting does not help: until somebody does, whoever waited longer
 * than twice `targetMs` is refused when his turn comes and sixteen others wait, and with `lifo` the newest is first.
 *
 * The more important are first at any time; when it is full, the newest of the least important makes room.
 */
export class CodelQueue {
  readonly #options: ResolvedQueue;
  readonly #clock: Clock;
  readonly #lines: readonly Place[][] = PRIORITIES.map(() => []);
  #count = 0;
  /** When somebody last came through soon, or nobody waited. */
  #wellAt: number;

  constructor(options: ResolvedQueue, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#wellAt = clock.now();
  }

  get count(): number {
    return this.#count;
  }

  /** Lets it wait, and gives the function by which it leaves; `undefined` when there is no room for it. */
  join(waiting: Waiting): (() => void) | undefined {
    const now = this.#clock.now();
    if (this.#count === 0) this.#wellAt = now;
    if (this.#count >= this.#options.size && !this.#makeRoom(waiting.priority)) return undefined;
    const place: Place = { ...waiting, at: now, timer: undefined };
    place.timer = this.#clock.after(this.#options.intervalMs, () => {
      this.#remove(place);
      place.refuse();
    });
    this.#lineOf(waiting.priority).push(place);
    this.#count++;
    return () => this.#remove(place);
  }

  /** Admits from those that wait as long as `room` says that one of that priority may come in. */
  advance(room: (priority: Priority) => boolean): void {
    while (this.#count > 0) {
      const line = this.#lines.find(({ length }) => length > 0);
      const first = line?.[0];
      if (first === undefined || !room(first.priority)) return;
      const now = this.#clock.now();
      const overloaded = now - this.#wellAt >= this.#options.intervalMs;
      const place = (overloaded && this.#options.lifo ? line?.at(-1) : first) ?? first;
      const waitedMs = now - place.at;
      this.#remove(place);
      if (waitedMs <= this.#options.targetMs && !(overloaded && this.#options.lifo)) this.#wellAt = now;
      if (overloaded && waitedMs > 2 * this.#options.targetMs && this.#count >= FEW) place.refuse();
      else place.admit();
    }
  }

  #makeRoom(priority: Priority): boolean {
    const line = this.#lines.findLast(({ length }) => length > 0);
    const last = line?.at(-1);
    if (last === undefined || PRIORITIES.indexOf(last.priority) <= PRIORITIES.indexOf(priority)) return false;
    this.#remove(last);
    last.refuse();
    return true;
  }

  #remove(place: Place): void {
    place.timer?.cancel();
    const line = this.#lineOf(place.priority);
    const index = line.indexOf(place);
    if (index < 0) return;
    line.splice(index, 1);
    this.#count--;
  }

  #lineOf(priority: Priority): Place[] {
    return this.#lines[PRIORITIES.indexOf(priority)] ?? [];
  }
}
