import type { Clock } from './clock.ts';
import type { Events } from './events.ts';
import type { Metrics } from './metrics.ts';

/**
 * What code in a stack did that it must not do.
 *
 * - `built`: it threw, or gave no function, when the stack was built.
 * - `hook`: a hook of an observer, or another function that is only asked, threw.
 * - `threw`: it threw at once instead of rejecting.
 * - `rejected`: it failed a call with an error of its own. That may be what it is for: it is counted, and not told.
 * - `next`: it called `next` a second time, after its call was over, or with a context that is not its own.
 */
export type FilterFault = 'built' | 'hook' | 'threw' | 'rejected' | 'next';

interface FaultScope {
  readonly target: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly metrics: Metrics;
}

/** A filter that fails fails for each call: one event a second says it, the counter all of it. */
const TOLD_EVERY_MS = 1_000;

/** Counts what goes wrong in one filter, in `filter_faults{service, filter, fault}`, and tells of it as the event `fault`. */
export class FilterFaults {
  readonly #filter: string;
  readonly #scope: FaultScope;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(filter: string, scope: FaultScope) {
    this.#filter = filter;
    this.#scope = scope;
  }

  count(fault: FilterFault): void {
    const { metrics, target } = this.#scope;
    metrics.counter('filter_faults', { service: target, filter: this.#filter, fault }).add();
  }

  report(fault: FilterFault, error: unknown): void {
    this.count(fault);
    const { clock, events, target } = this.#scope;
    const now = clock.now();
    if (now - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = now;
    events.emit('fault', { source: `filter '${this.#filter}' of '${target}'`, error });
  }
}
