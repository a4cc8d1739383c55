import type { Clock } from '../../core/clock.ts';

interface Sighting {
  /** What its owner last wrote or touched it with. */
  readonly touchedAt: number;
  /** How long it has not been touched, as far as that is known. */
  readonly quietMs: number;
  /** For how much of that somebody looked. */
  readonly watchedMs: number;
}

/**
 * How long files have gone untouched while somebody looked, by the monotonic clock: the time of day may be set, and a process that was
 * stopped has seen nothing. Only of what it sees for the first time it believes the time that the file bears.
 */
export class Sightings {
  readonly #clock: Clock;
  readonly #mostMs: number;
  #files: ReadonlyMap<string, Sighting> = new Map();
  #lookedAt = Number.NaN;

  /** `mostMs` is the most that counts from one look to the next: a longer time was slept through, and others may have slept too. */
  constructor(clock: Clock, mostMs: number) {
    this.#clock = clock;
    this.#mostMs = mostMs;
  }

  /** A look at all that is there, by name, with the milliseconds since 1970 that each bears. Gives what is known of each now. */
  look(touched: ReadonlyMap<string, number>): ReadonlyMap<string, Sighting> {
    const now = this.#clock.now();
    const wall = this.#clock.wall();
    const passedMs = Math.min(this.#mostMs, now - this.#lookedAt);
    const files = new Map<string, Sighting>();
    for (const [name, touchedAt] of touched) {
      const before = this.#files.get(name);
      if (before === undefined) files.set(name, { touchedAt, quietMs: Math.max(0, wall - touchedAt), watchedMs: 0 });
      else if (before.touchedAt !== touchedAt) files.set(name, { touchedAt, quietMs: 0, watchedMs: 0 });
      else files.set(name, { touchedAt, quietMs: before.quietMs + passedMs, watchedMs: before.watchedMs + passedMs });
    }
    this.#files = files;
    this.#lookedAt = now;
    return files;
  }
}
