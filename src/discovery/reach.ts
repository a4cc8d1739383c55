import type { Events } from '../core/events.ts';
import type { RegistryScope } from './registry.ts';

/**
 * Whether a registry is within reach, all of its parts together. One event per change of state, however often its parts are tried, and one
 * more when what would pass by itself turned out to need a person.
 *
 * Gauges by registry: `registry_connected` is 1 while all of it is within reach, `registry_blocked` is 1 while a person is needed.
 */
export class Reach {
  readonly #registry: string;
  readonly #events: Events;
  /** The parts out of reach. */
  readonly #lost = new Set<string>();
  #said: 'connected' | 'lost' | 'lost for good' | undefined;

  constructor(registry: string, { events, metrics }: Pick<RegistryScope, 'events' | 'metrics'>) {
    this.#registry = registry;
    this.#events = events;
    metrics.gauge('registry_connected', { registry }, () => (this.#said === 'connected' ? 1 : 0));
    metrics.gauge('registry_blocked', { registry }, () => (this.#said === 'lost for good' ? 1 : 0));
  }

  /** A part of the registry answered. */
  back(part: string): void {
    this.#lost.delete(part);
    if (this.#lost.size > 0 || this.#said === 'connected') return;
    this.#said = 'connected';
    this.#events.emit('registry', { registry: this.#registry, state: 'connected', reason: '', permanent: false });
  }

  /** A part of the registry is out of reach; `permanent` when waiting does not cure it. `reason` is for people. */
  lost(part: string, reason: string, permanent = false): void {
    this.#lost.add(part);
    if (this.#said === 'lost for good' || (this.#said === 'lost' && !permanent)) return;
    this.#said = permanent ? 'lost for good' : 'lost';
    this.#events.emit('registry', { registry: this.#registry, state: 'lost', reason, permanent });
  }

  /** Nobody asks for a part any more. */
  forget(part: string): void {
    if (this.#lost.has(part)) this.back(part);
  }
}
