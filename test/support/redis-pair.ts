import { eventually, watched } from '../discovery/setup.ts';
import { type RedisProxy, redisProxy } from './redis-proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A primary with a replica, and the line between them. */
export interface RedisPair {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** What the replica copies through. */
  readonly line: RedisProxy;
  /** Makes the replica a master of its own. */
  promote(): Promise<void>;
  close(): Promise<void>;
}

export async function redisPair(): Promise<RedisPair> {
  const primary = await startRedis(['--repl-diskless-sync-delay', '0']);
  const line = await redisProxy(primary.port);
  const replica = await startRedis(['--replicaof', '127.0.0.1', `${line.port}`, '--repl-diskless-sync-delay', '0']);
  await inStep(replica);
  return {
    primary,
    replica,
    line,
    promote: async () => {
      await replica.command('REPLICAOF', 'NO', 'ONE');
    },
    close: async () => {
      await Promise.all([primary.close(), replica.close()]);
      await line.close();
    },
  };
}

/** Waits until a replica has a copy of its primary. */
export async function inStep(replica: RedisServer): Promise<void> {
  const info = watched(() => replica.command('INFO', 'replication'));
  await eventually(() => /master_link_status:up/.test(info() ?? ''), info, 20_000);
}
