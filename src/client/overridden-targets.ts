import type { Metrics } from '../core/metrics.ts';
import type { Target } from './target.ts';

const MAX_TARGETS = 100;
/** Each target has a node of its own for each endpoint, of some 300 bytes. */
const MAX_ENDPOINTS = 100_000;

/**
 * The targets under names that requests put in the place of others. Such names may come from outside, so only so many are kept. One for which
 * there is no room counts in `name_overrides_ignored`, with the reason `too many`.
 */
export class OverriddenTargets {
  readonly #metrics: Metrics;
  /** The one used longest ago comes first. */
  readonly #byKey = new Map<string, Target>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** The target of a key, made when it is not known; `undefined` when there is no room for it. */
  get(key: string, make: () => Target): Target | undefined {
    const target = this.#byKey.get(key) ?? (this.#hasRoom() ? make() : undefined);
    if (target === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byKey.set(key, target);
    return target;
  }

  get all(): Iterable<Target> {
    return this.#byKey.values();
  }

  close(): void {
    for (const target of this.#byKey.values()) target.close();
    this.#byKey.clear();
  }

  /** Whether there is room for one more, once those are forgotten that nobody is calling. */
  #hasRoom(): boolean {
    let endpoints = 0;
    for (const { view } of this.#byKey.values()) endpoints += view.instances.length;
    const full = () => this.#byKey.size >= MAX_TARGETS || endpoints >= MAX_ENDPOINTS;
    for (const [key, target] of this.#byKey) {
      if (!full()) break;
      if (!target.idle) continue;
      endpoints -= target.view.instances.length;
      target.close();
      this.#byKey.delete(key);
    }
    if (full()) this.#metrics.counter('name_overrides_ignored', { reason: 'too many' }).add();
    return !full();
  }
}
