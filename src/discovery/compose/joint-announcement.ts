import { OwnState } from '../own-state.ts';
import type { Announcement, Instance, Registry, RegistryScope } from '../registry.ts';

interface Part {
  readonly name: string;
  readonly announcement: Announcement;
}

/**
 * What this process says of itself in several registries. It stands as the worst of them, because the state answers whether something is
 * left to be done: `fenced` as soon as one says so, since that a newer process has the id is true wherever it was heard; `retrying` while one
 * is; `announced` when it can be found in all. Read-only registries say `announced` and do nothing.
 */
export class JointAnnouncement implements Announcement {
  readonly instance: Instance;
  readonly #scope: RegistryScope;
  readonly #parts: Part[] = [];
  readonly #own: OwnState;
  #complete = false;
  #withdrawn = false;
  #leaving: Promise<void> | undefined;

  constructor(instance: Instance, scope: RegistryScope) {
    this.instance = instance;
    this.#scope = scope;
    this.#own = new OwnState(scope, instance);
  }

  get state(): Announcement['state'] {
    return this.#withdrawn ? 'left' : this.#worst();
  }

  /** Announces it in each; one that throws is told of as a fault and harms no other. Throws only when none took it. */
  announceIn(registries: readonly Registry[]): void {
    let thrown: { readonly error: unknown } | undefined;
    for (const registry of registries) {
      try {
        this.#parts.push({ name: registry.name, announcement: registry.announce(this.instance) });
      } catch (error) {
        thrown = { error };
        this.#scope.events.emit('fault', { source: `registry ${registry.name}`, error });
      }
    }
    if (this.#parts.length === 0 && thrown !== undefined) throw thrown.error;
    this.#complete = true;
    this.heard('');
  }

  /** One of the registries told how it stands there; `reason` is its own. */
  heard(reason: string): void {
    if (this.#complete && !this.#withdrawn) this.#own.become(this.#worst(), reason);
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#withdrawn = true;
    // In a function of its own each, so that one that throws at once hurts no other.
    await Promise.allSettled(this.#parts.map(async ({ announcement }) => announcement.leave()));
    this.#own.become('left', 'withdrawn');
  }

  #worst(): Announcement['state'] {
    const states = this.#parts.map(({ announcement }) => announcement.state);
    for (const state of ['fenced', 'retrying', 'announced'] as const) if (states.includes(state)) return state;
    return this.#parts.length === 0 ? 'retrying' : 'left';
  }
}
