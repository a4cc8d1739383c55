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
  readonly #followed = new Map<string, Followed>();
  #closed = false;

  constructor(scope: RegistryScope, feed: Feed, { graceMs, holdMs, keptAs }: Following = {}) {
    this.#scope = scope;
    this.#feed = feed;
    this.#timing = { graceMs: graceMs ?? defaultTiming.graceMs, holdMs: holdMs ?? defaultTiming.holdMs };
    this.#keptAs = keptAs;
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
    return new KeptService(service, this.#scope, { lastViews, registry: this.#keptAs, timing: this.#timing });
  }

  #unfollow(service: string, followed: Followed): void {
    if (this.#followed.get(service) !== followed) return;
    this.#followed.delete(service);
    followed.stop();
    followed.service.close();
  }
}
