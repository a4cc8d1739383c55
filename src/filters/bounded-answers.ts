import type { MadeResponse } from '../core/http-binding.ts';

/** How much may be kept. */
export interface Bounds {
  readonly maxEntries: number;
  /** All of them together, roughly. */
  readonly maxBytes: number;
}

/** Answers by what was asked, within bounds: those go first that were kept, or used, longest ago. */
export class BoundedAnswers<T> {
  readonly #bounds: Bounds;
  readonly #gone: (key: string, value: T) => void;
  readonly #byKey = new Map<string, { readonly value: T; readonly bytes: number }>();
  #bytes = 0;

  /** `gone` is told of each that is no longer kept. */
  constructor(bounds: Bounds, gone: (key: string, value: T) => void = () => {}) {
    this.#bounds = bounds;
    this.#gone = gone;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key)?.value;
  }

  /** The same, which is now the one used last. */
  use(key: string): T | undefined {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byKey.set(key, entry);
    return entry.value;
  }

  /** Keeps one in the place of what was kept there, and forgets others until all is within bounds. */
  keep(key: string, value: T, bytes: number): void {
    this.forget(key);
    this.#byKey.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest] of this.#byKey) {
      if (this.#byKey.size <= this.#bounds.maxEntries && this.#bytes <= this.#bounds.maxBytes) break;
      this.forget(oldest);
    }
  }

  forget(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#byKey.delete(key);
    this.#bytes -= entry.bytes;
    this.#gone(key, entry.value);
  }
}

/** What an answer takes, roughly: a text takes two bytes for each of its characters at most. */
export function bytesOf(key: string, { headers, body }: MadeResponse): number {
  let letters = key.length;
  for (const [name, value] of Object.entries(headers)) letters += name.length + String(value).length;
  return body.length + 2 * letters + 1_000;
}
