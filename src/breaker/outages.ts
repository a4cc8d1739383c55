import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';

/** Why a breaker is open: calls failed, most of them by being slow, or the application said so. */
export type Cause = 'failures' | 'slow' | 'forced';

interface Outage {
  /** Openings so far, those of all breakers of the service. */
  trips: number;
  /** Breakers that are open now. */
  open: number;
  closedAt: number;
}

/** One that opens again so soon after it closed was not over. */
const FOLDED_MS = 60_000;
/** Outages that are remembered after their end. */
const MOST_ENDED = 1_000;

/**
 * Tells the outages of the services of a mesh: one for each service and cause, however many breakers a service has and however often they
 * open. A service that comes and goes is told each time, as the same outage: its `trips` go on.
 */
export class Outages {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #byKey = new Map<string, Outage>();

  constructor(clock: Clock, events: Events) {
    this.#clock = clock;
    this.#events = events;
  }

  opened(service: string, cause: Cause, reason: string): void {
    const key = `${service} ${cause}`;
    const last = this.#byKey.get(key);
    const over = last?.open === 0 && this.#clock.now() - last.closedAt >= FOLDED_MS;
    const outage = last === undefined || over ? { trips: 0, open: 0, closedAt: Number.NaN } : last;
    this.#byKey.delete(key);
    this.#byKey.set(key, outage);
    outage.trips++;
    if (++outage.open > 1) return; // another breaker of the service said so
    this.#events.emit('breaker', { service, state: 'open', cause, reason, trips: outage.trips });
  }

  /** One that is open opened again: its probe failed. */
  goesOn(service: string, cause: Cause): void {
    const outage = this.#byKey.get(`${service} ${cause}`);
    if (outage !== undefined) outage.trips++;
  }

  closed(service: string, cause: Cause, reason: string): void {
    const outage = this.#left(service, cause);
    if (outage === undefined || outage.open > 0) return;
    this.#events.emit('breaker', { service, state: 'closed', cause, reason, trips: outage.trips });
  }

  /** A breaker that was open is gone, or is open for another reason now: that is no end worth telling. */
  left(service: string, cause: Cause): void {
    this.#left(service, cause);
  }

  #left(service: string, cause: Cause): Outage | undefined {
    const outage = this.#byKey.get(`${service} ${cause}`);
    if (outage === undefined || outage.open === 0) return undefined;
    outage.open--;
    outage.closedAt = this.#clock.now();
    if (this.#byKey.size > MOST_ENDED) this.#forget();
    return outage;
  }

  #forget(): void {
    for (const [key, { open }] of this.#byKey) {
      if (open > 0) continue;
      this.#byKey.delete(key);
      return;
    }
  }
}
