import type { Priority } from '../../../src/core/priority.ts';
import { Admission, type Admitted } from '../../../src/server/limit/admission.ts';
import { type LimitOptions, resolveLimit } from '../../../src/server/limit/limit-options.ts';
import { MemoryMetrics } from '../../../src/telemetry/memory-metrics.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that runs through events in their order as fast as it can: a minute of load in a fraction of a second. */
class EventClock {
  #now = 0;
  #order = 0;
  readonly #events: Event[] = [];

  readonly now = () => this.#now;
  readonly wall = () => this.#now;
  readonly at = <Subject>(moment: number, run: (subject: Subject) => void, subject: Subject) =>
    this.after(moment - this.#now, () => run(subject));
  readonly background = (delayMs: number, run: () => void) => this.after(delayMs, run);
  readonly after = (delayMs: number, run: () => void) => {
    const event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    let low = 0;
    let high = this.#events.length;
    // The latest is first, so that the next is taken from the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle];
      if (other !== undefined && (other.at > event.at || (other.at === event.at && other.order > event.order)))
        low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
    return {
      cancel: () => {
        const index = this.#events.indexOf(event);
        if (index >= 0) this.#events.splice(index, 1);
      },
    };
  };

  runUntil(end: number): void {
    for (;;) {
      const next = this.#events.at(-1);
      if (next === undefined || next.at > end) break;
      this.#events.pop();
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  get pending(): number {
    return this.#events.length;
  }
}

export interface Tally {
  offered: number;
  refused: number;
  /** Answered within the deadline. */
  good: number;
  late: number;
  /** From arrival to answer, of those answered. */
  readonly tookMs: number[];
}

export interface Load {
  /** Times the capacity. */
  readonly times: number;
  readonly forMs: number;
  readonly priority?: Priority;
}

export interface Workers {
  readonly count: number;
  /** Mean of an exponential distribution. */
  serviceMs: number;
  readonly deadlineMs: number;
  readonly limit: LimitOptions | false;
}

/** A server of so many workers with one queue inside, as a thread pool or a database has, behind an admission. Callers come by chance and do not wait for each other. */
export function workers(setup: Workers) {
  const clock = new EventClock();
  const random = seededRandom(7);
  const metrics = new MemoryMetrics();
  const admission =
    setup.limit === false ? undefined : new Admission(resolveLimit('limit', setup.limit), { clock, random, metrics });
  const queue: (() => void)[] = [];
  let busy = 0;
  const exponential = (mean: number) => -mean * Math.log(1 - random());
  const start = (): void => {
    while (busy < setup.count) {
      const done = queue.shift();
      if (done === undefined) return;
      busy++;
      clock.after(exponential(setup.serviceMs), () => {
        busy--;
        done();
        start();
      });
    }
  };
  const work = (done: () => void) => {
    queue.push(done);
    start();
  };
  const emptyTally = (): Tally => ({ offered: 0, refused: 0, good: 0, late: 0, tookMs: [] });

  /** Offers these loads together, and gives what became of what each sent. */
  const offer = (...loads: readonly Load[]): Tally[] => {
    const end = clock.now() + Math.max(...loads.map(({ forMs }) => forMs));
    const tallies = loads.map(({ times, forMs, priority = 'default' }) => {
      const tally = emptyTally();
      const last = clock.now() + forMs;
      const meanMs = setup.serviceMs / setup.count / times;
      const send = () => {
        if (clock.now() > last) return;
        tally.offered++;
        const at = clock.now();
        const answered = () => {
          const ms = clock.now() - at;
          tally.tookMs.push(ms);
          if (ms <= setup.deadlineMs) tally.good++;
          else tally.late++;
          return ms > setup.deadlineMs;
        };
        if (admission === undefined) work(() => void answered());
        else {
          const serve = (admitted: Admitted) =>
            work(() => {
              admitted.answered(false, answered());
              admitted.ended();
            });
          const refuse = () => {
            tally.refused++;
          };
          const admitted = admission.enter(priority);
          if (admitted === undefined) admission.wait(priority, serve, refuse);
          else serve(admitted);
        }
        clock.after(exponential(meanMs), send);
      };
      clock.after(exponential(meanMs), send);
      return tally;
    });
    clock.runUntil(end);
    return tallies;
  };
  /** What it could answer in that time. */
  const capacity = (forMs: number) => (setup.count * forMs) / setup.serviceMs;
  return { clock, metrics, offer, capacity, rest: (ms: number) => clock.runUntil(clock.now() + ms) };
}

export function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(0.99 * values.length)] ?? 0;
}
