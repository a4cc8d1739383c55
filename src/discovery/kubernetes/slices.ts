import type { AddressRule } from '../address.ts';
import type { Refusal } from '../record.ts';
import type { Instance } from '../registry.ts';
import { readChange } from './change.ts';
import { nameOf } from './object-meta.ts';
import { readSlice, type Slice } from './slice.ts';
import { unionOf } from './union.ts';

/** What slices must be of, and what is added to what they say. */
export interface SlicesOptions {
  /** The service as Kubernetes names it. */
  readonly kubernetesService: string;
  readonly port: string | number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly addresses: AddressRule | undefined;
  /** Is told of what was skipped. */
  readonly rejected: (id: string, refusal: Refusal) => void;
}

/** The slices of one service as they were last told. One that cannot be read leaves what was known of it: it says nothing new. */
export class Slices {
  readonly #options: SlicesOptions;
  /** By name. Never changed, always replaced. */
  #known: ReadonlyMap<string, Slice> = new Map();
  #version: string | undefined;

  constructor(options: SlicesOptions) {
    this.#options = options;
  }

  /** The version up to which all that happened is known; `undefined` while a list is needed. */
  get version(): string | undefined {
    return this.#version;
  }

  get instances(): readonly Instance[] {
    return unionOf(this.#known.values());
  }

  /** What is known may be wrong: a list is needed. */
  doubt(): void {
    this.#version = undefined;
  }

  /** Takes the place of all that was known, when `list` has given each object and resolved with the version of them all. */
  async list(namespace: string, list: (take: (object: unknown) => void) => Promise<string>): Promise<void> {
    const slices = new Map<string, Slice>();
    this.#version = await list((object) => this.#keep(slices, object, namespace));
    this.#known = slices;
  }

  /** Takes lines of a watch; gives whether they say more than up to which version nothing happened. Throws as `readChange` does. */
  change(namespace: string, lines: readonly string[]): boolean {
    const slices = new Map(this.#known);
    let changed = false;
    for (const line of lines) {
      const change = readChange(line);
      if (change.kind === 'unknown') {
        this.#options.rejected('a change', 'record');
        continue;
      }
      if (change.kind === 'changed') this.#keep(slices, change.object, namespace);
      if (change.kind === 'deleted') slices.delete(change.name);
      changed ||= change.kind !== 'bookmark';
      this.#version = change.version;
    }
    this.#known = slices;
    return changed;
  }

  #keep(slices: Map<string, Slice>, object: unknown, namespace: string): void {
    const name = nameOf(object);
    if (name === undefined) {
      this.#options.rejected('a slice', 'record');
      return;
    }
    const slice = readSlice(object, { ...this.#options, namespace }) ?? this.#known.get(name);
    if (slice !== undefined) slices.set(name, slice);
  }
}
