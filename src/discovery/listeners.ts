import type { Events } from '../core/events.ts';
import type { Traffic, View } from './registry.ts';

/** Who hears of the views of one service, and whose calls are asked about its suspects. */
export class Listeners<V extends View> {
  readonly #service: string;
  readonly #events: Events;
  readonly #listeners = new Set<(view: V) => void>();
  readonly #traffic = new Set<Traffic>();

  constructor(service: string, events: Events) {
    this.#service = service;
    this.#events = events;
  }

  /** The function returned takes both out again. */
  add(listener: (view: V) => void, traffic?: Traffic): () => void {
    // One function may listen twice, and must then be stopped twice.
    const own = (view: V) => listener(view);
    const asked = traffic === undefined ? undefined : { answeredAt: (id: string) => traffic.answeredAt(id) };
    this.#listeners.add(own);
    if (asked !== undefined) this.#traffic.add(asked);
    return () => {
      this.#listeners.delete(own);
      if (asked !== undefined) this.#traffic.delete(asked);
    };
  }

  /** One that throws is told of as a fault, and keeps no other from hearing. */
  tell(view: V): void {
    for (const listener of this.#listeners) {
      try {
        listener(view);
      } catch (error) {
        this.#events.emit('fault', { source: `listener of the view of '${this.#service}'`, error });
      }
    }
  }

  /** Monotonic milliseconds at which calls last saw an instance answer well; `-Infinity` when none has. */
  answeredAt(id: string): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const traffic of this.#traffic) latest = Math.max(latest, traffic.answeredAt(id));
    return latest;
  }

  clear(): void {
    this.#listeners.clear();
    this.#traffic.clear();
  }
}
