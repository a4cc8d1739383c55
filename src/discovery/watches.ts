import { serviceName } from '../core/check.ts';
import { KeptService } from './cache/kept-service.ts';
import { FollowedService } from './followed-service.ts';
import { defaultTiming, type Timing } from './membership.ts';
import type { RegistryScope, Traffic, View, Watch } from './registry.ts';

/** Fills one followed service from a registry, until the function it returns is called. */
export type Feed = (followed: FollowedService) => () => void;

/** How services are followed. */
export interface Following extends Partial<Timing> {
  /** The name under which views are kept for a start without the registry, without credentials. None are kept without it. */
  readonly keptAs?: string;
  /** What the instances of a followed service call it themselves. @default the same */
  readonly announcedAs?: (service: string) => string;
}

interface Followed {
  readonly service: FollowedService;
  readonly stop: () => void;
  watches: number;
}

/** The services that a registry follows: each one once, however many watch it, and only while somebody does. */
export class Watches {
  readonly #scope: RegistryScope;
  readonly #feed: Feed;
  readonly #timing: Timing;
  readonly #keptAs: string | undefined;
  readonly #announcedAs: (service: string) => string;
  readonly #followed = new Map<string, Followed>();
  #closed = false;

  constructor(scope: RegistryScope, feed: Feed, { graceMs, holdMs, keptAs, announcedAs }: Following = {}) {
    this.#scope = scope;
    this.#feed = feed;
    this.#timing = { graceMs: graceMs ?? defaultTiming.graceMs, holdMs: holdMs ?? defaultTiming.holdMs };
    this.#keptAs = keptAs;
    this.#announcedAs = announcedAs ?? ((service) => service);
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    const followed = this.#followed.get(service) ?? this.#follow(serviceName('service', service));
    followed.watches++;
    const unlisten = followed.service.listen(listener, traffic);
    let open = true;
    return {
      get view() {
        return followed.service.view;
      },
      failed: (id) => followed.service.apply({ kind: 'failed', id }),
      close: () => {
        if (!open) return;
        open = false;
        unlisten();
        if (--followed.watches === 0) this.#unfollow(service, followed);
      },
    };
  }

  /** Stops all of it. Watches keep their last view. */
  close(): void {
    this.#closed = true;
    for (const [service, followed] of this.#followed) this.#unfollow(service, followed);
  }

  #follow(service: string): Followed {
    const followed = this.#make(service);
    if (this.#closed) followed.apply({ kind: 'lost', reason: 'the registry is closed' });
    const entry = { service: followed, stop: this.#closed ? () => {} : this.#feed(followed), watches: 0 };
    this.#followed.set(service, entry);
    return entry;
  }

  #make(service: string): FollowedService {
    const { lastViews } = this.#scope;
    if (lastViews === undefined || this.#keptAs === undefined || this.#closed)
      return new FollowedService(service, this.#scope, this.#timing);
    const announcedAs = this.#announcedAs(service);
    const kept = { lastViews, registry: this.#keptAs, announcedAs, timing: this.#timing };
    return new KeptService(service, this.#scope, kept);
  }

  #unfollow(service: string, followed: Followed): void {
    if (this.#followed.get(service) !== followed) return;
    this.#followed.delete(service);
    followed.stop();
    followed.service.close();
  }
}
