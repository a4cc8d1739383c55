import { serviceName } from '../core/check.ts';
import { FollowedService } from './followed-service.ts';
import type { Timing } from './membership.ts';
import type { RegistryScope, Traffic, View, Watch } from './registry.ts';

/** Fills one followed service from a registry, until the function it returns is called. */
export type Feed = (followed: FollowedService) => () => void;

interface Followed {
  readonly service: FollowedService;
  readonly stop: () => void;
  watches: number;
}

/** The services that a registry follows: each one once, however many watch it, and only while somebody does. */
export class Watches {
  readonly #scope: RegistryScope;
  readonly #feed: Feed;
  readonly #timing: Timing | undefined;
  readonly #followed = new Map<string, Followed>();
  #closed = false;

  constructor(scope: RegistryScope, feed: Feed, timing?: Timing) {
    this.#scope = scope;
    this.#feed = feed;
    this.#timing = timing;
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
    const followed = new FollowedService(service, this.#scope, this.#timing);
    if (this.#closed) followed.apply({ kind: 'lost', reason: 'the registry is closed' });
    const entry = { service: followed, stop: this.#closed ? () => {} : this.#feed(followed), watches: 0 };
    this.#followed.set(service, entry);
    return entry;
  }

  #unfollow(service: string, followed: Followed): void {
    if (this.#followed.get(service) !== followed) return;
    this.#followed.delete(service);
    followed.stop();
    followed.service.close();
  }
}
