import type { FollowedService } from './followed-service.ts';
import type { RegistryScope } from './registry.ts';

/**
 * How old what is known has become. Gauge by registry: `registry_age_ms` is the time since the registry last confirmed a service, of all
 * that are followed the longest; 0 while none is.
 */
export class Age {
  readonly #scope: Pick<RegistryScope, 'clock'>;
  /** With the moment since which it is followed, for as long as the registry has said nothing of it. */
  readonly #followed = new Map<FollowedService, number>();

  constructor(registry: string, scope: Pick<RegistryScope, 'clock' | 'metrics'>) {
    this.#scope = scope;
    scope.metrics.gauge('registry_age_ms', { registry }, () => this.#oldestMs());
  }

  /** Counts a service in; the function returned takes it out. */
  count(followed: FollowedService): () => void {
    this.#followed.set(followed, this.#scope.clock.now());
    return () => this.#followed.delete(followed);
  }

  #oldestMs(): number {
    const now = this.#scope.clock.now();
    let oldest = now;
    for (const [{ view }, since] of this.#followed)
      oldest = Math.min(oldest, Number.isNaN(view.asOf) ? since : view.asOf);
    return now - oldest;
  }
}
