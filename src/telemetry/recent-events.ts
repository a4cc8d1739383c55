import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';

const KEPT_PER_SERVICE = 20;
const MOST_SERVICES = 2_000;
/** Names of instances in one line. */
const SHOWN = 10;

/** Something that happened to a service, in words. */
export interface RecentEvent {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly what: string;
}

/** The last few events of each service, for whoever asks why it behaves as it does. */
export class RecentEvents {
  readonly #clock: Clock;
  readonly #byService = new Map<string, RecentEvent[]>();
  readonly #stops: readonly (() => void)[];

  constructor(events: Events, clock: Clock) {
    this.#clock = clock;
    this.#stops = [
      events.on('breaker', ({ service, state, reason }) => this.#keep(service, `breaker ${state}: ${reason}`)),
      events.on('endpoint', ({ service, endpoint, health, reason }) =>
        this.#keep(service, `${endpoint} ${health}: ${reason}`),
      ),
      events.on('spill', ({ service, state, reason }) => this.#keep(service, `spill ${state}: ${reason}`)),
      events.on('unread', ({ service, endpoint, client }) =>
        this.#keep(service, `${endpoint}: a body was not read (${client})`),
      ),
      events.on('doubt', ({ service, known, suspects }) =>
        this.#keep(service, `${suspects} of ${known} in doubt together`),
      ),
      events.on('view', ({ service, known, joined, left }) => {
        const shown = [
          ...joined.slice(0, SHOWN).map((id) => `+${id}`),
          ...left.slice(0, SHOWN).map((id) => `-${id}`),
        ].slice(0, SHOWN);
        const more = joined.length + left.length > SHOWN ? ' …' : '';
        this.#keep(service, `${known} known (${shown.join(' ')}${more})`);
      }),
    ];
  }

  /** The oldest first. */
  of(service: string): readonly RecentEvent[] {
    return this.#byService.get(service) ?? [];
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #keep(service: string, what: string): void {
    const kept = this.#byService.get(service) ?? [];
    if (kept.length === 0 && this.#byService.size >= MOST_SERVICES) return;
    kept.push({ at: this.#clock.wall(), what });
    if (kept.length > KEPT_PER_SERVICE) kept.shift();
    this.#byService.set(service, kept);
  }
}
