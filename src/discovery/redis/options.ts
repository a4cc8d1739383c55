import type { RedisOptions } from 'ioredis';
import { durationMs, fail, serviceName } from '../../core/check.ts';
import { ConfigError } from '../../core/errors.ts';
import {
  fields,
  fromClient,
  fromCluster,
  fromConnection,
  fromUrl,
  type NamedSource,
  type RedisClusterOptions,
  type RedisConnectionOptions,
  type RedisSource,
  type RedisTemplate,
} from './source.ts';

/** As whom to speak to Redis. */
export interface RedisCredentials {
  /** @default 'default', the user of Redis that needs no name */
  readonly username?: string | undefined;
  readonly password: string;
}

/** How to reach Redis: one of `url`, `connection`, `cluster` and `client`. */
export interface RedisPlace {
  /** `redis://` or `rediss://`, then `user:password@host:port/db`; what follows a `?` is not read. User and password are never shown. */
  readonly url?: string | undefined;
  /** With a `rediss://` URL: what `tls.connect` of Node takes, such as `ca`, `cert` and `key`. @default the CAs of Node */
  readonly tls?: RedisOptions['tls'];
  /** One server, or the `sentinels` that know it by `name`. With `tls`, the server is spoken to in TLS in both cases. */
  readonly connection?: RedisConnectionOptions | undefined;
  /** A Redis Cluster. */
  readonly cluster?: RedisClusterOptions | undefined;
  /** What to connect like. */
  readonly client?: RedisTemplate | undefined;
}

/** What else there is to choose. */
export interface RedisRegistrySettings {
  /**
   * Asked for user and password before every connect, so that they can change while the process runs. They replace those of the place. When it
   * fails, or takes more than 2 s, the ones before are tried. @default those of the place
   */
  readonly credentials?: (() => RedisCredentials | Promise<RedisCredentials>) | undefined;
  /** Keeps meshes that share one Redis apart. 1 to 63 of a-z, 0-9, '.', '_', '-'. @default 'default' */
  readonly namespace?: string | undefined;
  /** Milliseconds between two beats of an owner, ± 10 %. 10 to 3600000. @default 10000 */
  readonly beatMs?: number | undefined;
  /** Milliseconds that a beat is good for: from two beats to 36000000. @default 30000, or three beats when that is more */
  readonly leaseMs?: number | undefined;
  /**
   * Milliseconds over which the processes that lost Redis at the same moment come back to it; each waits for half of them on average, and for
   * 1.25 times as long at most. 5 ms for each process keep it below 50 connects in 100 ms. 1 to 60000. @default 5000, for 1,000 processes
   */
  readonly reconnectMs?: number | undefined;
}

/** All of it, not checked yet. */
export type RedisRegistryFields = RedisPlace & RedisRegistrySettings;

/** How to reach Redis, and how often an owner tells that it lives. One of `url`, `connection`, `cluster` and `client`. */
export type RedisRegistryOptions = RedisRegistrySettings &
  (Only<'url', 'tls'> | Only<'connection'> | Only<'cluster'> | Only<'client'>);

/** A place with this field, perhaps others, and none of the rest. */
type Only<Field extends keyof RedisPlace, Others extends keyof RedisPlace = never> = {
  readonly [F in Field]: NonNullable<RedisPlace[F]>;
} & Pick<RedisPlace, Others> & { readonly [F in Exclude<keyof RedisPlace, Field | Others>]?: undefined };

export interface ResolvedRedisOptions {
  readonly source: RedisSource;
  readonly credentials: RedisRegistrySettings['credentials'];
  /** Without credentials. */
  readonly name: string;
  readonly namespace: string;
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly reconnectMs: number;
}

const PLACES = ['url', 'connection', 'cluster', 'client'] as const;
const SETTINGS = ['tls', 'credentials', 'namespace', 'beatMs', 'leaseMs', 'reconnectMs'] as const;
const MAX_BEAT_MS = 3_600_000;

/** Checks the options; `name` is what they are called in errors. */
export function resolveRedisOptions(name: string, given: RedisRegistryFields): ResolvedRedisOptions {
  fields(name, given, [...PLACES, ...SETTINGS]);
  const { credentials } = given;
  // Not shown: who mistakes it for a place to put a password does not find that in a log.
  if (credentials !== undefined && typeof credentials !== 'function')
    throw new ConfigError(`${name}.credentials must be a function that resolves to user and password`);
  const beatMs = durationMs(`${name}.beatMs`, given.beatMs ?? 10_000, { min: 10, max: MAX_BEAT_MS });
  const leaseMs = given.leaseMs ?? Math.max(30_000, 3 * beatMs);
  return {
    ...placeOf(name, given),
    credentials,
    namespace: serviceName(`${name}.namespace`, given.namespace ?? 'default'),
    beatMs,
    // The server counts whole milliseconds.
    leaseMs: Math.ceil(durationMs(`${name}.leaseMs`, leaseMs, { min: 2 * beatMs, max: 10 * MAX_BEAT_MS })),
    reconnectMs: durationMs(`${name}.reconnectMs`, given.reconnectMs ?? 5_000, { min: 1, max: 60_000 }),
  };
}

function placeOf(name: string, given: RedisRegistryFields): NamedSource {
  const { url, tls, connection, cluster, client } = given;
  if (PLACES.filter((place) => given[place] !== undefined).length !== 1)
    fail(name, 'given exactly one of url, connection, cluster and client', given);
  if (tls !== undefined && url === undefined)
    fail(`${name}.tls`, 'given with a url; a connection and a cluster have their own', tls);
  if (connection !== undefined) return fromConnection(`${name}.connection`, connection);
  if (cluster !== undefined) return fromCluster(`${name}.cluster`, cluster);
  return client === undefined ? fromUrl(`${name}.url`, url, tls) : fromClient(`${name}.client`, client);
}
