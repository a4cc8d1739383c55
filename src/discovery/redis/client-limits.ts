import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { Clock } from '../../core/clock.ts';

const CONNECT_MS = 2_000;
const COMMAND_MS = 1_000;
/** With a ping every 900 ms a server that stopped answering is noticed within 3 s. */
const SILENCE_MS = 2_000;
const DISCONNECT_MS = 250;
/** A server that is no master may stay so: not every refusal is worth another connection. */
const REFUSED_AGAIN_MS = 5_000;
/** Of a command to a node of a Cluster, 100 ms apart: it too is refused within a second. */
const CLUSTER_TRIES = 8;

/** What an application may choose otherwise. */
export function clientDefaults({ connectionName, keepAlive }: Pick<RedisOptions, 'connectionName' | 'keepAlive'> = {}) {
  return { connectionName: connectionName ?? 'heddle', keepAlive: keepAlive ?? 5_000 };
}

export type ClientLimits = ReturnType<typeof clientLimits>;

/** What nobody may choose otherwise. */
export function clientLimits(clock: Clock) {
  let refusedAt = Number.NEGATIVE_INFINITY;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // A command that broke off with its connection is refused at once, because the client ends with it; see `keepConnected`.
    retryStrategy: () => null,
    commandTimeout: COMMAND_MS,
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_MS,
    // Also how long a timer of the client outlives the closing of a connection that was broken already.
    disconnectTimeout: DISCONNECT_MS,
    // Subscriptions are made anew by the connection, which must know when they stand.
    autoResubscribe: false,
    enableReadyCheck: true,
    maxLoadingRetryTime: COMMAND_MS,
    // A master that was demoted answers READONLY, and connecting anew finds the new one; NOAUTH comes when the user was taken away.
    reconnectOnError: (error: Error) => {
      if (!/^(READONLY|NOAUTH)/.test(error.message) || clock.now() - refusedAt < REFUSED_AGAIN_MS) return false;
      refusedAt = clock.now();
      return true;
    },
    role: 'master' as const,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: COMMAND_MS,
    failoverDetector: false,
    // What an application's own client may have set, and would change what is sent or answered.
    keyPrefix: '',
    readOnly: false,
    monitor: false,
    stringNumbers: false,
    replyMapping: 'legacy' as const,
    enableAutoPipelining: false,
    disableClientInfo: true,
  } satisfies RedisOptions;
}

/** The same of a Cluster as a whole. */
export const clusterLimits = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // It asks one node, which may be the one that is away; commands say themselves when the Cluster is down.
  enableReadyCheck: false,
  clusterRetryStrategy: () => null,
  clusterNodeRetryStrategy: null,
  maxRedirections: CLUSTER_TRIES,
  retryDelayOnFailover: 100,
  retryDelayOnClusterDown: 0,
  slotsRefreshTimeout: COMMAND_MS,
  scaleReads: 'master' as const,
  shardedSubscribers: false,
  enableAutoPipelining: false,
  keyPrefix: '',
} satisfies ClusterOptions;
