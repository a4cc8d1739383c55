import { isServiceName } from '../../core/check.ts';
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
import { type RedisRegistryOptions, type ResolvedRedisOptions, resolveRedisOptions } from './options.ts';
import { Owner } from './owner.ts';
import { Reader } from './reader.ts';

const CLOSE_MS = 500;

/** A registry in Redis 6.2 or newer; `name` is what the options are called in errors. It connects when a mesh is made with it. */
export function createRedisRegistry(name: string, options: RedisRegistryOptions): RegistryFactory {
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
    const connection = new Connection(() => openClient(options.source, scope.random), scope, this.#reach);
    this.#connection = connection;
    const shared = { connection, reach: this.#reach, rejections: new Rejections(this.name, scope), scope };
    // An owner needs two beats to come back, and their jitter.
    const timing = { graceMs: options.leaseMs, holdMs: 2.5 * options.beatMs };
    const keptAs = `${this.name} ${options.namespace}`;
    this.#watches = new Watches(
      scope,
      (followed) => {
        const reader = new Reader(followed, { ...shared, keys: serviceKeys(options.namespace, followed.service) });
        const disuse = connection.use(reader);
        return () => {
          disuse();
          reader.close();
        };
      },
      { ...timing, keptAs },
    );
  }

  announce(instance: Instance): Announcement {
    const { namespace, beatMs, leaseMs } = this.#options;
    const owner = new Owner(instance, {
      connection: this.#connection,
      keys: serviceKeys(namespace, instance.service),
      indexKey: indexKey(namespace),
      beatMs,
      leaseMs,
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
    try {
      return (await this.#connection.members(indexKey(this.#options.namespace))).filter(isServiceName);
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
    const leaves = [...this.#owners].map((owner) => owner.leave());
    this.#owners.clear();
    await settledWithin(this.#scope.clock, CLOSE_MS, Promise.all(leaves));
    this.#connection.close();
  }
}
