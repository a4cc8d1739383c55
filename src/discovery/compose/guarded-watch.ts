import { messageOf } from '../../core/errors.ts';
import type { Events } from '../../core/events.ts';
import type { Traffic, View, Watch } from '../registry.ts';

/** A registry, or one service of it, as one part of a combination. */
export interface Source {
  /** For reasons and faults. */
  readonly name: string;
  open(listener: (view: View) => void, traffic: Traffic): Watch;
}

const NOTHING: View = {
  state: 'stale',
  instances: [],
  suspects: new Set(),
  revision: 0,
  asOf: Number.NaN,
  reason: '',
};

/**
 * The watch of a registry that may throw although it promised not to. What it said before then stays, as if its registry had been lost;
 * that it threw is told as a fault, once until it works again.
 */
export class GuardedWatch implements Watch {
  readonly #name: string;
  readonly #events: Events;
  readonly #watch: Watch | undefined;
  #last = NOTHING;
  #broken: View | undefined;

  /** `open` opens the watch itself; `name` is what it is called in faults. */
  constructor(name: string, events: Events, open: () => Watch) {
    this.#name = name;
    this.#events = events;
    this.#watch = this.#attempt(open);
  }

  get view(): View {
    const view = this.#attempt(() => this.#watch?.view);
    if (view === undefined) return this.#broken ?? this.#last;
    this.#broken = undefined;
    this.#last = view;
    return view;
  }

  failed(id: string): void {
    this.#attempt(() => this.#watch?.failed(id));
  }

  close(): void {
    this.#attempt(() => this.#watch?.close());
  }

  #attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (this.#broken === undefined) {
        this.#broken = { ...this.#last, state: 'stale', reason: `it failed (${messageOf(error)})` };
        this.#events.emit('fault', { source: `registry ${this.#name}`, error });
      }
      return undefined;
    }
  }
}
