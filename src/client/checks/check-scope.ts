import type { LookupFunction } from 'node:net';
import type { Clock } from '../../core/clock.ts';

/** Something that is under way, and can be broken off. */
export interface Open {
  destroy(error?: Error): unknown;
}

/** What a check may use. */
export interface CheckScope {
  readonly clock: Clock;
  /** The service that asks. */
  readonly caller: string;
  readonly lookup: LookupFunction;
  /** Told of what is opened for it. */
  readonly opened: (one: Open, closed: (done: () => void) => void) => void;
}
