import type { Counter } from '../core/metrics.ts';
import { describeRefusal, type Refusal } from './record.ts';
import type { RegistryScope } from './registry.ts';

const MAX_SAID = 1_000;
const SILENT_MS = 3_600_000;
const TOO_MANY = 'more than 1,000 were rejected: for an hour, others are counted and not told';
const MAX_SHOWN = 100;

/** Records that were skipped: each counts, and each is said once. Of more than a thousand the rest are not said, until an hour has passed. */
export class Rejections {
  readonly #registry: string;
  readonly #scope: RegistryScope;
  readonly #counters = new Map<Refusal, Counter>();
  readonly #said = new Set<string>();
  /** Monotonic milliseconds at which no more could be remembered. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(registry: string, scope: RegistryScope) {
    this.#registry = registry;
    this.#scope = scope;
  }

  /** Counts a record listed under `id`, in `source`, and says why unless it was said before. */
  add(source: string, id: string, refusal: Refusal): void {
    let counter = this.#counters.get(refusal);
    if (counter === undefined) {
      counter = this.#scope.metrics.counter('registry_rejected', { registry: this.#registry, reason: refusal });
      this.#counters.set(refusal, counter);
    }
    counter.add();
    const shown = id.slice(0, MAX_SHOWN);
    const key = `${source}\n${shown}\n${refusal}`;
    if (this.#said.has(key)) return;
    const { clock, events } = this.#scope;
    if (this.#said.size === MAX_SAID) {
      // To forget the oldest would be to say all of them again at the next look.
      if (clock.now() - this.#fullAt < SILENT_MS) return;
      this.#said.clear();
    }
    this.#said.add(key);
    events.emit('rejected', { source, id: shown, reason: describeRefusal(refusal) });
    if (this.#said.size < MAX_SAID) return;
    this.#fullAt = clock.now();
    events.emit('rejected', { source, id: '', reason: TOO_MANY });
  }
}
