import type { Cluster, Redis } from 'ioredis';
import type { RegistryScope } from '../registry.ts';
import { credentialsAsker } from './ask-credentials.ts';
import { type ClientLimits, clientDefaults, clientLimits, clusterLimits } from './client-limits.ts';
import { keepConnected } from './keep-connected.ts';
import type { RedisCredentials, ResolvedRedisOptions } from './options.ts';
import { reconnectWaits } from './reconnect-waits.ts';
import type { RedisSource } from './source.ts';

const REFUSED = /^(WRONGPASS|NOAUTH)/;

/**
 * A client that is not connected yet, and comes back by itself once it was. ioredis is loaded here, when the first registry needs it.
 *
 * Commands fail instead of waiting: none is queued, each has a time limit, and the socket closes when a reply stays away. None is sent twice,
 * but by a Cluster that moves.
 */
export async function openClient(
  {
    source,
    credentials,
    name,
    reconnectMs,
  }: Pick<ResolvedRedisOptions, 'source' | 'credentials' | 'name' | 'reconnectMs'>,
  scope: RegistryScope,
): Promise<Redis> {
  const client = await create(source, clientLimits(scope.clock));
  let stood = false;
  client.once('ready', () => {
    stood = true;
  });
  const asked = credentials && credentialsAsker({ credentials, name, scope }, speakAs(client));
  const prepare = asked ?? (async () => {});
  // A Cluster stands while one of its nodes learnt of a new password that it was not told yet.
  client.on('node error', (error: Error) => {
    if (REFUSED.test(error.message)) void prepare();
  });
  await prepare();
  keepConnected(client, { clock: scope.clock, waits: reconnectWaits(reconnectMs, scope.random, () => stood), prepare });
  return client;
}

async function create(source: RedisSource, own: ClientLimits): Promise<Redis> {
  if (source.kind === 'client') {
    const { client } = source;
    const duplicate = client.duplicate as (...args: unknown[]) => unknown; // the two kinds of client differ in how they are copied
    const named = { ...clientDefaults(), ...own };
    const copy = client.isCluster
      ? duplicate.call(client, [], { ...clusterLimits, redisOptions: named })
      : duplicate.call(client, named);
    return copy as Redis; // a Cluster has all that is used of it here
  }
  const { Cluster, Redis } = await import('ioredis');
  if (source.kind === 'server') {
    const { server } = source;
    // Without this, ioredis would speak in the clear to the server that Sentinels name.
    const secure = { enableTLSForSentinelMode: server.tls !== undefined && server.tls !== null };
    return new Redis({ ...server, ...clientDefaults(server), ...secure, ...own });
  }
  const { nodes, natMap, dnsLookup, ...server } = source.cluster;
  const places = nodes.map(({ host, port }) => ({ host, port: port ?? 6_379 }));
  const found = { ...(natMap && { natMap }), ...(dnsLookup && { dnsLookup }) };
  const redisOptions = { ...server, ...clientDefaults(server), ...own };
  return new Cluster(places, { ...found, ...clusterLimits, redisOptions }) as unknown as Redis; // as above
}

/** Sets user and password of a client, or of all nodes of a Cluster: ioredis reads its options at each connect. */
function speakAs(client: Redis | Cluster): (credentials: RedisCredentials) => void {
  let latest: RedisCredentials | undefined;
  const use = (one: Redis) => {
    if (latest !== undefined) Object.assign(one.options, latest);
  };
  client.on('+node', use);
  return (credentials) => {
    latest = credentials;
    for (const one of 'nodes' in client ? client.nodes() : [client]) use(one);
  };
}
