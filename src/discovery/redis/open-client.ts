import type { Redis, RedisOptions } from 'ioredis';
import type { Random } from '../../core/random.ts';
import type { RedisTemplate } from './options.ts';

const CONNECT_MS = 2_000;
const COMMAND_MS = 1_000;
/** With a ping every 900 ms a server that stopped answering is noticed within 3 s. */
const SILENCE_MS = 2_000;
const DISCONNECT_MS = 250;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/**
 * A client that is not connected yet. ioredis is loaded here, when the first registry needs it.
 *
 * Commands fail instead of waiting: none is queued or sent twice, each has a time limit, and the socket closes when a reply stays away.
 */
export async function openClient(source: string | RedisTemplate, random: Random): Promise<Redis> {
  const own = clientOptions(random);
  if (typeof source === 'string') {
    const { Redis } = await import('ioredis');
    return new Redis(source, { ...own, replyMapping: 'legacy' });
  }
  const duplicate = source.duplicate as (...args: unknown[]) => unknown; // the two kinds of client differ in how they are copied
  const copy = source.isCluster ? duplicate.call(source, [], clusterOptions(own)) : duplicate.call(source, own);
  return copy as Redis; // a Cluster has all that is used of it here
}

function clientOptions(random: Random): RedisOptions {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // Without this a command could run twice; its promise still settles, thanks to the limit on the next line.
    autoResendUnfulfilledCommands: false,
    commandTimeout: COMMAND_MS,
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_MS,
    // Also how long a timer of the client outlives the closing of a connection that was broken already.
    disconnectTimeout: DISCONNECT_MS,
    keepAlive: 5_000,
    // Subscriptions are made anew by the connection, which must know when they stand.
    autoResubscribe: false,
    enableReadyCheck: true,
    connectionName: 'heddle',
    keyPrefix: '',
    // Full jitter, and never gives up.
    retryStrategy: (retry) =>
      FIRST_WAIT_MS + random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(retry, 30)),
    // A master that was demoted answers so; connecting anew finds the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function clusterOptions(own: RedisOptions): object {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    keyPrefix: '',
    clusterRetryStrategy: own.retryStrategy,
    redisOptions: own,
  };
}
