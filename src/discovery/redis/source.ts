import type { ClusterOptions, RedisOptions } from 'ioredis';
import { fail, integer, options, string } from '../../core/check.ts';
import { ConfigError } from '../../core/errors.ts';
import { withoutCredentials } from '../credentials.ts';

const OF_ANY_SERVER = [
  'username',
  'password',
  'tls',
  'family',
  'protocol',
  'connectionName',
  'keepAlive',
  'noDelay',
] as const;
const OF_A_SERVER = [
  ...OF_ANY_SERVER,
  ...(['host', 'port', 'path', 'db', 'sentinels', 'name', 'natMap'] as const),
  ...(['sentinelUsername', 'sentinelPassword', 'sentinelTLS'] as const),
] as const;
const OF_A_CLUSTER = ['natMap', 'dnsLookup'] as const;

/**
 * Where a Redis is, or its Sentinels and the `name` they know it by, and as whom to speak to it: options of ioredis. What ioredis does while
 * Redis is away, how long it waits and what it sends twice is the mesh's to say, so those options are not taken here.
 */
export type RedisConnectionOptions = Pick<RedisOptions, (typeof OF_A_SERVER)[number]>;

/** A node of a Cluster. */
export interface RedisNode {
  /** A name or an address. */
  readonly host: string;
  /** @default 6379 */
  readonly port?: number | undefined;
}

/** Where a Cluster is, and as whom to speak to each of its nodes. */
export interface RedisClusterOptions
  extends Pick<RedisOptions, (typeof OF_ANY_SERVER)[number]>,
    Pick<ClusterOptions, (typeof OF_A_CLUSTER)[number]> {
  /** Some of the nodes; the others are found through any of them. */
  readonly nodes: readonly RedisNode[];
}

/**
 * A client of ioredis (5.4 or newer, 6; Redis, Sentinel or Cluster) that the application has. The mesh makes its own connection like it, with its
 * own time limits, and neither uses nor closes the one it was given.
 */
export interface RedisTemplate {
  readonly isCluster: boolean;
  duplicate(...args: never[]): unknown;
}

/** What a connection is made from, checked. */
export type RedisSource =
  | { readonly kind: 'server'; readonly server: RedisConnectionOptions }
  | { readonly kind: 'cluster'; readonly cluster: RedisClusterOptions }
  | { readonly kind: 'client'; readonly client: RedisTemplate };

/** A source, and what the registry is called: without credentials. */
export interface NamedSource {
  readonly source: RedisSource;
  readonly name: string;
}

export function fromUrl(name: string, url: unknown, tls: RedisOptions['tls']): NamedSource {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  if (typeof url !== 'string' || (parsed?.protocol !== 'redis:' && parsed?.protocol !== 'rediss:'))
    fail(name, "a URL such as 'redis://127.0.0.1:6379'", shown(url));
  if (!/^\/?\d*$/.test(parsed.pathname))
    fail(name, "a URL that ends with its host, or the number of a database: '/2'", withoutCredentials(url));
  const secure = parsed.protocol === 'rediss:';
  if (tls !== undefined && !secure) fail(name, 'a rediss:// URL when tls is given', withoutCredentials(url));
  const server: RedisConnectionOptions = {
    host: parsed.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(parsed.port || 6_379),
    db: Number(parsed.pathname.slice(1)),
    ...(parsed.username === '' ? {} : { username: decoded(name, parsed.username) }),
    ...(parsed.password === '' ? {} : { password: decoded(name, parsed.password) }),
    ...(secure ? { tls: tls ?? {} } : {}),
  };
  return { source: { kind: 'server', server }, name: withoutCredentials(url) };
}

export function fromConnection(name: string, given: RedisConnectionOptions): NamedSource {
  fields(name, given, OF_A_SERVER);
  const { host, port, path, db, sentinels, tls } = given;
  if (port !== undefined) integer(`${name}.port`, port, { min: 1, max: 65_535 });
  if (db !== undefined) integer(`${name}.db`, db, { min: 0 });
  const source = { kind: 'server', server: given } as const;
  if (sentinels !== undefined && sentinels !== null) {
    if (!Array.isArray(sentinels) || sentinels.length === 0)
      fail(`${name}.sentinels`, 'a list that is not empty', sentinels);
    return { source, name: `redis-sentinel:${string(`${name}.name`, given.name)}` };
  }
  if (path !== undefined) return { source, name: `redis:${string(`${name}.path`, path)}` };
  return { source, name: `${tls === undefined ? 'redis' : 'rediss'}://${host ?? '127.0.0.1'}:${port ?? 6_379}` };
}

export function fromCluster(name: string, given: RedisClusterOptions): NamedSource {
  fields(name, given, ['nodes', ...OF_ANY_SERVER, ...OF_A_CLUSTER]);
  const { nodes } = given;
  if (!Array.isArray(nodes) || nodes.length === 0) fail(`${name}.nodes`, 'a list that is not empty', nodes);
  nodes.forEach((node: RedisNode, i) => {
    options(`${name}.nodes[${i}]`, node, ['host', 'port']);
    string(`${name}.nodes[${i}].host`, node.host);
    if (node.port !== undefined) integer(`${name}.nodes[${i}].port`, node.port, { min: 1, max: 65_535 });
  });
  const [first] = given.nodes;
  return { source: { kind: 'cluster', cluster: given }, name: `redis-cluster:${first?.host}:${first?.port ?? 6_379}` };
}

export function fromClient(name: string, client: unknown): NamedSource {
  const template = client as Partial<RedisTemplate> | null; // only to see what is there
  if (typeof template?.duplicate !== 'function' || typeof template.isCluster !== 'boolean')
    fail(name, 'a client of ioredis', shown(client));
  return { source: { kind: 'client', client: template as RedisTemplate }, name: 'redis' }; // both fields were looked at
}

/** An object whose keys are all in `known`. A URL in its place is not shown whole. */
export function fields(name: string, given: unknown, known: readonly string[]): void {
  options(name, shown(given), known);
}

function shown(value: unknown): unknown {
  return typeof value === 'string' ? withoutCredentials(value) : value;
}

function decoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(`${name} has a user or a password with a '%' that is not followed by two hex digits`);
  }
}
