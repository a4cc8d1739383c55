/**
 * All that this library asks of a Redis, its own scripts and its client's setting up included, in the names that `INFO commandstats` has
 * for them. None of them blocks, and none walks through the keys of others. What an ACL has to allow is this.
 */
export const redisCommands: readonly string[] = [
  // Setting up a connection. A server that does not know SETINFO counts it under `client`.
  'hello',
  'auth',
  'select',
  'client',
  'client|setname',
  'client|setinfo',
  'info',
  'ping',
  // Listening.
  'subscribe',
  'unsubscribe',
  // Scripts, and what they call.
  'evalsha',
  'eval',
  'time',
  'hget',
  'hmget',
  'hset',
  'hsetnx',
  'hdel',
  'hincrby',
  'zadd',
  'zcount',
  'zrangebyscore',
  'zrevrangebyscore',
  'zrem',
  'zremrangebyscore',
  'zscore',
  'set',
  'publish',
  // The index of services.
  'zrange',
];
