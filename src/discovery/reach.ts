import type { Events } from '../core/events.ts';

/** Whether a registry is within reach, all of its parts together. An event per change of state, however often its parts are tried. */
export class Reach {
  readonly #registry: string;
  readonly #events: Events;
  readonly #lost = new Set<string>();
  #said: 'connected' | 'lost' | undefined;

  constructor(registry: string, events: Events) {
    this.#registry = registry;
    this.#events = events;
  }

  /** A part of the registry answered. */
  back(part: string): void {
    this.#lost.delete(part);
    if (this.#lost.size === 0) this.#say('connected', '');
  }

  /** A part of the registry is out of reach; `reason` is for people. */
  lost(part: string, reason: string): void {
    this.#lost.add(part);
    this.#say('lost', reason);
  }

  /** A part is no longer asked for. */
  forget(part: string): void {
    if (this.#lost.delete(part) && this.#lost.size === 0) this.#say('connected', '');
  }

  #say(state: 'connected' | 'lost', reason: string): void {
    if (this.#said === state) return;
    this.#said = state;
    this.#events.emit('registry', { registry: this.#registry, state, reason });
  }
}
