import type { Counter } from '../core/metrics.ts';
import { describeRefusal, type Refusal } from './record.ts';
import type { RegistryScope } from './registry.ts';

const MAX_SAID = 1_000;
const MAX_SHOWN = 100;

/** Records that were skipped: each counts, and each is said once. */
export class Rejections {
  readonly #registry: string;
  readonly #scope: RegistryScope;
  readonly #counters = new Map<Refusal, Counter>();
  /** What was said, oldest first; past the bound the oldest may be said again. */
  readonly #said = new Set<string>();

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
    this.#said.add(key);
    for (const oldest of this.#said) {
      if (this.#said.size <= MAX_SAID) break;
      this.#said.delete(oldest);
    }
    this.#scope.events.emit('rejected', { source, id: shown, reason: describeRefusal(refusal) });
  }
}
