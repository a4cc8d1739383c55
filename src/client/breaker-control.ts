import { ConfigError } from '../core/errors.ts';
import type { Targets } from './targets.ts';

/** The breakers of a service in the hands of the application: those of all clients of this mesh, also of clients made later. */
export interface BreakerControl {
  /** As of the service as it is configured; a client with options of its own has a breaker of its own, which `explain` shows under `clients`. */
  readonly state: 'closed' | 'open' | 'half-open';
  /** Why it is as it is; empty while it is closed and never was anything else. */
  readonly reason: string;
  /** Fails every call at once from now on, without probes, until `close` or `auto`. */
  open(): void;
  /** Lets every call through from now on, whatever becomes of them, until `open` or `auto`. */
  close(): void;
  /** Lets it decide again, by what happens from now on. */
  auto(): void;
}

/** Throws a `ConfigError` when the service has no breaker: what was to fail fast would go on without a word. */
export function controlBreaker(targets: Targets, service: string): BreakerControl {
  const breaker = () => {
    const found = targets.of(service).breaker;
    if (found === undefined) throw new ConfigError(`the breaker of '${service}' is switched off`);
    return found;
  };
  breaker();
  return {
    get state() {
      return breaker().state;
    },
    get reason() {
      return breaker().reason;
    },
    open: () => targets.force(service, 'open'),
    close: () => targets.force(service, 'closed'),
    auto: () => targets.force(service, undefined),
  };
}
