import type { Traffic, Watch } from '../registry.ts';
import type { CombinedView } from './combination.ts';
import type { Combined } from './combined.ts';

/** A watch of a view that is made of others. */
export interface CombinedWatch extends Watch {
  readonly view: CombinedView;
}

/** What is watched: of one name there may be several views, for those who mean different instances. */
export interface Watched {
  readonly name: string;
  readonly variant: number;
}

interface Shared {
  readonly combined: Combined;
  watches: number;
}

/** Combined views by name and variant: each made once, however many watch it, and kept only while somebody does. */
export class CombinedWatches {
  /** Of one name that which is watched longest comes first. */
  readonly #byName = new Map<string, Map<number, Shared>>();

  /** `make` is asked when nobody watches it yet. */
  watch(
    { name, variant }: Watched,
    make: () => Combined,
    listener: (view: CombinedView) => void,
    traffic?: Traffic,
  ): CombinedWatch {
    const variants = this.#byName.get(name) ?? new Map<number, Shared>();
    const shared = variants.get(variant) ?? { combined: make(), watches: 0 };
    this.#byName.set(name, variants.set(variant, shared));
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
        variants.delete(variant);
        if (variants.size === 0 && this.#byName.get(name) === variants) this.#byName.delete(name);
      },
    };
  }

  /** The combined view that somebody watches. */
  get({ name, variant }: Watched): Combined | undefined {
    return this.#byName.get(name)?.get(variant)?.combined;
  }

  /** Whether it is the first of its name, or would be: what is said of a name is said by that one. */
  isFirst({ name, variant }: Watched): boolean {
    const [first = variant] = this.#byName.get(name)?.keys() ?? [];
    return first === variant;
  }

  /** Stops all of it. Watches keep their last view. */
  close(): void {
    for (const variants of this.#byName.values()) for (const { combined } of variants.values()) combined.close();
    this.#byName.clear();
  }
}
