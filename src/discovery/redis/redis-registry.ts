import { isServiceName } from '../../core/check.ts';
import { Turns } from '../../core/turns.ts';
import { Age } from '../age.ts';
import { Reach } from '../reach.ts';
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
import { Watches } from '../watches.ts';
import { Connection } from './connection.ts';
import { indexKey, serviceKeys } from './keys.ts';
import { openClient } from './open-client.ts';
import { type RedisRegistryFields, type ResolvedRedisOptions, resolveRedisOptions } from './options.ts';
import { Owner, RETURN_JITTER_MS } from './owner.ts';
import { Reader } from './reader.ts';
import { LONGEST_WAIT } from './reconnect-waits.ts';

const CLOSE_MS = 500;

/**
 * A registry in Redis 6.2 or newer; `name` is what the options are called in errors. It connects when a mesh is made with it.
 *
 * Gauges by registry, beside those of `Reach` and `Age`: `registry_polling` is the number of followed services of which changes are seen
 * late, by asking, because Redis does not let this process listen; and by registry and service, `registry_announced` is 1 while all that
 * this process announces of it stands in the registry.
 */
export function createRedisRegistry(name: string, options: RedisRegistryFields): RegistryFactory {
  const resolved = resolveRedisOptions(name, options);
  return (scope) => new RedisRegistry(resolved, scope);
}

class RedisRegistry implements Registry {
  readonly name: string;
  readonly #options: ResolvedRedisOptions;
  readonly #scope: RegistryScope;
  readonly #reach: Reach;
  readonly #connection: Connection;
  readonly #watches: Watches;
  readonly #owners = new Set<Owner>();
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedRedisOptions, scope: RegistryScope) {
    this.name = options.name;
    this.#options = options;
    this.#scope = scope;
    this.#reach = new Reach(this.name, scope);
    const connection = new Connection(() => openClient(options, scope), scope, this.#reach);
    this.#connection = connection;
    scope.metrics.gauge('registry_polling', { registry: this.name }, () => connection.deaf);
    const age = new Age(this.name, scope);
    const rejections = new Rejections(this.name, scope);
    const shared = { connection, reach: this.#reach, rejections, turns: new Turns(scope.clock), scope };
    // An owner needs two beats to come back, and their jitter; or, where beats are quick, as long as it takes to connect anew.
    const holdMs = Math.max(2.5 * options.beatMs, LONGEST_WAIT * options.reconnectMs + RETURN_JITTER_MS);
    const timing = { graceMs: options.leaseMs, holdMs };
    const keptAs = `${this.name} ${options.namespace}`;
    this.#watches = new Watches(
      scope,
      (followed) => {
        const reader = new Reader(followed, { ...shared, keys: serviceKeys(options.namespace, followed.service) });
        const disuse = connection.use(reader);
        const discount = age.count(followed);
        return () => {
          discount();
          disuse();
          reader.close();
        };
      },
      { ...timing, keptAs },
    );
  }

  announce(instance: Instance): Announcement {
    const { name: registry } = this;
    const { namespace, beatMs, leaseMs } = this.#options;
    const { service } = instance;
    for (const owner of this.#owners) if (owner.gone) this.#owners.delete(owner);
    const owner = new Owner(instance, {
      connection: this.#connection,
      keys: serviceKeys(namespace, service),
      indexKey: indexKey(namespace),
      beatMs,
      leaseMs,
      reach: this.#reach,
      scope: this.#scope,
    });
    this.#owners.add(owner);
    this.#scope.metrics.gauge('registry_announced', { registry, service }, () => (this.#announced(service) ? 1 : 0));
    return owner;
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    try {
      return (await this.#connection.members(indexKey(this.#options.namespace))).filter(isServiceName);
    } catch {
      return [];
    }
  }

  #announced(service: string): boolean {
    const owners = [...this.#owners].filter((owner) => owner.instance.service === service && owner.state !== 'left');
    return owners.length > 0 && owners.every(({ state }) => state === 'announced');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    const leaves = [...this.#owners].map((owner) => owner.leave());
    this.#owners.clear();
    await settledWithin(this.#scope.clock, CLOSE_MS, Promise.all(leaves));
    this.#connection.close();
  }
}
