import type { Traffic, Watch } from '../registry.ts';
import type { CombinedView } from './combination.ts';
import type { Combined } from './combined.ts';

/** A watch of a view that is made of others. */
export interface CombinedWatch extends Watch {
  readonly view: CombinedView;
}

interface Shared {
  readonly combined: Combined;
  watches: number;
}

/** Combined views by key: each made once, however many watch it, and kept only while somebody does. */
export class CombinedWatches {
  readonly #byKey = new Map<string, Shared>();

  /** `make` is asked when nobody watches that key yet. */
  watch(key: string, make: () => Combined, listener: (view: CombinedView) => void, traffic?: Traffic): CombinedWatch {
    const shared = this.#byKey.get(key) ?? { combined: make(), watches: 0 };
    this.#byKey.set(key, shared);
    shared.watches++;
    const { combined } = shared;
    const unlisten = combined.listen(listener, traffic);
    let open = true;
    return {
      get view() {
        return combined.view;
      },
      failed: (id) => combined.failed(id),
      close: () => {
        if (!open) return;
        open = false;
        unlisten();
        if (--shared.watches > 0) return;
        combined.close();
        if (this.#byKey.get(key) === shared) this.#byKey.delete(key);
      },
    };
  }

  /** The combined view of a key that somebody watches. */
  get(key: string): Combined | undefined {
    return this.#byKey.get(key)?.combined;
  }

  /** Stops all of it. Watches keep their last view. */
  close(): void {
    for (const { combined } of this.#byKey.values()) combined.close();
    this.#byKey.clear();
  }
}
