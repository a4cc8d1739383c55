import { durationMs, fail, options, serviceName } from '../../core/check.ts';
import { withoutCredentials } from '../credentials.ts';

/**
 * A client of ioredis (5 or 6; Redis, Sentinel or Cluster) that the application has. The mesh makes its own connection like it, with its
 * own time limits, and neither uses nor closes the one it was given.
 */
export interface RedisTemplate {
  readonly isCluster: boolean;
  duplicate(...args: never[]): unknown;
}

/** How to reach Redis, and how often an owner tells that it lives. One of `url` and `client`. */
export interface RedisRegistryOptions {
  /** `redis://` or `rediss://`; user and password in it are never shown. */
  readonly url?: string | undefined;
  /** What to connect like, for everything that a URL cannot say. */
  readonly client?: RedisTemplate | undefined;
  /** Keeps meshes that share one Redis apart. 1 to 63 of a-z, 0-9, '.', '_', '-'. @default 'default' */
  readonly namespace?: string | undefined;
  /** Milliseconds between two beats of an owner, ± 10 %. @default 10000 */
  readonly beatMs?: number | undefined;
  /** Milliseconds that a beat is good for; at least two beats. @default 30000 */
  readonly leaseMs?: number | undefined;
}

export interface ResolvedRedisOptions {
  readonly source: string | RedisTemplate;
  /** Without credentials. */
  readonly name: string;
  readonly namespace: string;
  readonly beatMs: number;
  readonly leaseMs: number;
}

const MAX_BEAT_MS = 3_600_000;

/** Checks the options; `name` is what they are called in errors. */
export function resolveRedisOptions(name: string, given: RedisRegistryOptions): ResolvedRedisOptions {
  options(name, given, ['url', 'client', 'namespace', 'beatMs', 'leaseMs']);
  const { url, client } = given;
  if ((url === undefined) === (client === undefined)) fail(name, 'given either url or client', given);
  const beatMs = durationMs(`${name}.beatMs`, given.beatMs ?? 10_000, { min: 10, max: MAX_BEAT_MS });
  const leaseMs = given.leaseMs ?? Math.max(30_000, 3 * beatMs);
  return {
    source: url === undefined ? resolveClient(`${name}.client`, client) : resolveUrl(`${name}.url`, url),
    name: url === undefined ? 'redis' : withoutCredentials(url),
    namespace: serviceName(`${name}.namespace`, given.namespace ?? 'default'),
    beatMs,
    // The server counts whole milliseconds.
    leaseMs: Math.ceil(durationMs(`${name}.leaseMs`, leaseMs, { min: 2 * beatMs, max: 10 * MAX_BEAT_MS })),
  };
}

function resolveUrl(name: string, url: unknown): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  if (typeof url === 'string' && (parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:')) return url;
  fail(name, "a URL such as 'redis://127.0.0.1:6379'", typeof url === 'string' ? withoutCredentials(url) : url);
}

function resolveClient(name: string, client: unknown): RedisTemplate {
  const template = client as Partial<RedisTemplate> | null; // only to see what is there
  if (typeof template?.duplicate === 'function' && typeof template.isCluster === 'boolean')
    return template as RedisTemplate;
  fail(name, 'a client of ioredis', client);
}
