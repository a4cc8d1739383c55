import { isServiceName } from '../../core/check.ts';
import { fieldsOf } from '../http/fields-of.ts';
import { Reach } from '../reach.ts';
import { announceNowhere } from '../read-only.ts';
import type {
  Announcement,
  Instance,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from '../registry.ts';
import { Rejections } from '../rejections.ts';
import { settledWithin } from '../settled-within.ts';
import { type Feed, Watches } from '../watches.ts';
import { Agent } from './agent.ts';
import { ConsulOwner } from './consul-owner.ts';
import { HealthReader } from './health-reader.ts';
import { type ConsulRegistryOptions, type ResolvedConsulOptions, resolveConsulOptions } from './options.ts';

const NAMES_MS = 2_000;
const CLOSE_MS = 900;

/**
 * A registry that reads the services of a Consul agent, and registers what is announced when it is told to; `name` is what the options are
 * called in errors.
 */
export function createConsulRegistry(name: string, options: ConsulRegistryOptions): RegistryFactory {
  const resolved = resolveConsulOptions(name, options);
  return (scope) => new ConsulRegistry(resolved, scope);
}

class ConsulRegistry implements Registry {
  readonly name: string;
  readonly #options: ResolvedConsulOptions;
  readonly #scope: RegistryScope;
  readonly #agent: Agent;
  readonly #reach: Reach;
  readonly #watches: Watches;
  readonly #owners = new Set<ConsulOwner>();
  readonly #abort = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedConsulOptions, scope: RegistryScope) {
    this.name = options.name;
    this.#options = options;
    this.#scope = scope;
    const agent = new Agent(options, scope);
    const reach = new Reach(this.name, scope);
    const rejections = new Rejections(this.name, scope);
    this.#agent = agent;
    this.#reach = reach;
    const feed: Feed = (followed) => {
      const reader = new HealthReader(followed, { agent, consul: options, reach, rejections, scope });
      return () => reader.close();
    };
    const { datacenter, namespace, protocol, tags } = options;
    const keptAs = [this.name, datacenter ?? '', namespace ?? '', protocol, ...tags].join(' ');
    this.#watches = new Watches(scope, feed, { keptAs });
  }

  announce(instance: Instance): Announcement {
    if (!this.#options.register)
      return announceNowhere(this.#scope, instance, 'the registry is not told to register with Consul');
    const owner = new ConsulOwner(instance, {
      agent: this.#agent,
      tags: this.#options.tags,
      reach: this.#reach,
      scope: this.#scope,
    });
    this.#owners.add(owner);
    return owner;
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    const { datacenter } = this.#options;
    try {
      const query = datacenter === undefined ? {} : { dc: datacenter };
      const signal = this.#abort.signal;
      const { body } = await this.#agent.ask({ path: '/v1/catalog/services', query, timeoutMs: NAMES_MS, signal });
      // Its own servers are a service to Consul, and to nobody else.
      return Object.keys(fieldsOf(body))
        .filter((service) => isServiceName(service) && service !== 'consul')
        .sort();
    } catch {
      return [];
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    const owners = [...this.#owners];
    this.#owners.clear();
    await settledWithin(this.#scope.clock, CLOSE_MS, Promise.all(owners.map((owner) => owner.leave())));
    for (const owner of owners) owner.close();
    this.#abort.abort(new Error('the registry is closed'));
  }
}
