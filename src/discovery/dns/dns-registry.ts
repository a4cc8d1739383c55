import { Reach } from '../reach.ts';
import { announceNowhere } from '../read-only.ts';
import type { Announcement, Instance, Registry, RegistryFactory, RegistryScope, View, Watch } from '../registry.ts';
import { Rejections } from '../rejections.ts';
import { Watches } from '../watches.ts';
import { type DnsRegistryOptions, resolveDnsOptions } from './options.ts';
import { DnsReader, type ReaderOptions } from './reader.ts';
import { type OpenResolver, systemResolver } from './resolver.ts';

/**
 * A registry that asks DNS; `name` is what the options are called in errors. It only reads: whoever keeps the zone (Kubernetes, Consul, a
 * person) says who is there. `openResolver` takes the place of Node's own, for tests.
 */
export function createDnsRegistry(
  name: string,
  given: DnsRegistryOptions,
  openResolver?: OpenResolver,
): RegistryFactory {
  const options = resolveDnsOptions(name, given);
  const open = openResolver ?? systemResolver(options.servers, options.timeoutMs);
  return (scope) => new DnsRegistry({ options, openResolver: open }, scope);
}

class DnsRegistry implements Registry {
  readonly name: string;
  readonly #scope: RegistryScope;
  readonly #watches: Watches;

  constructor({ options, openResolver }: Pick<ReaderOptions, 'options' | 'openResolver'>, scope: RegistryScope) {
    this.name = `dns:${options.domain}`;
    this.#scope = scope;
    const reach = new Reach(this.name, scope);
    const parts = { options, openResolver, reach, rejections: new Rejections(this.name, scope), scope };
    this.#watches = new Watches(scope, (followed) => {
      const reader = new DnsReader(followed, parts);
      return () => reader.close();
    });
  }

  /** Has no effect: who keeps the zone lists this process, or nobody does. */
  announce(instance: Instance): Announcement {
    return announceNowhere(this.#scope, instance, 'who keeps the zone says who is in it');
  }

  watch(service: string, listener: (view: View) => void): Watch {
    return this.#watches.watch(service, listener);
  }

  /** DNS does not tell which names there are. */
  async services(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    this.#watches.close();
  }
}
