import type { Clock } from '../../core/clock.ts';
import { CodelQueue } from '../../core/codel-queue.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Priority } from '../../core/priority.ts';
import type { Random } from '../../core/random.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';
import type { ResolvedLimit } from './limit-options.ts';

/** How much of the limit each priority may use: what is kept free of the others is there for the more important at once. */
const SHARES: Readonly<Record<Priority, number>> = { critical: 1, default: 0.9, sheddable: 0.75 };

/** A request that was let in. */
export interface Admitted {
  /** Its response has begun. A failure says nothing; `late` when its caller has given up by now. */
  answered(failed: boolean, late: boolean): void;
  /** It is over, however it ended. Only the first time counts. */
  ended(): void;
}

interface AdmissionParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

/**
 * Lets requests in as long as the adaptive limit has room for their priority; with a queue the others wait for a moment. Counts
 * `inbound_shed{priority}`, and tells `inbound_limit` and `inbound_waiting`.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #limit: AdaptiveLimit;
  readonly #queue: CodelQueue | undefined;
  readonly #shed: Readonly<Record<Priority, () => void>>;
  #inFlight = 0;

  constructor(options: ResolvedLimit, { clock, random, metrics }: AdmissionParts) {
    this.#clock = clock;
    this.#limit = new AdaptiveLimit(options, random, clock.now());
    this.#queue = options.queue === false ? undefined : new CodelQueue(options.queue, clock);
    const shed = (priority: Priority) => {
      const counter = metrics.counter('inbound_shed', { priority });
      return () => counter.add();
    };
    this.#shed = { critical: shed('critical'), default: shed('default'), sheddable: shed('sheddable') };
    metrics.gauge('inbound_limit', {}, () => this.limit);
    metrics.gauge('inbound_waiting', {}, () => this.waiting);
  }

  /** The limit that was found by now. */
  get limit(): number {
    return Math.floor(this.#limit.value);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#queue?.count ?? 0;
  }

  /** Lets a request in if there is room; nobody passes those that wait. */
  enter(priority: Priority): Admitted | undefined {
    if (this.#queue !== undefined && this.#queue.count > 0) return undefined;
    return this.#room(priority) ? this.#admitted() : undefined;
  }

  /**
   * Lets a request wait that did not get in: exactly one of the two is called, at once or later, unless the function that may be returned takes
   * it back before.
   */
  wait(priority: Priority, admit: (admitted: Admitted) => void, refuse: () => void): (() => void) | undefined {
    const refused = () => {
      this.#shed[priority]();
      refuse();
    };
    const leave = this.#queue?.join({ priority, admit: () => admit(this.#admitted()), refuse: refused });
    if (leave === undefined) refused();
    // Those that wait may all be less important, and too many for their share of the limit.
    else this.#queue?.advance(this.#room);
    return leave;
  }

  readonly #room = (priority: Priority): boolean =>
    this.#limit.room(this.#inFlight, SHARES[priority], this.#clock.now());

  #admitted(): Admitted {
    const at = this.#clock.now();
    const inFlight = ++this.#inFlight;
    let answered = false;
    let over = false;
    return {
      answered: (failed, late) => {
        const now = this.#clock.now();
        // What fails fast must not pass for fast.
        if (!answered && !failed) this.#limit.took(now - at, inFlight, late, now);
        answered = true;
      },
      ended: () => {
        if (over) return;
        over = true;
        this.#inFlight--;
        const now = this.#clock.now();
        if (!answered) this.#limit.gaveUp(now - at, inFlight, now);
        this.#queue?.advance(this.#room);
      },
    };
  }
}
