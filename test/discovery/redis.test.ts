import { afterAll, beforeAll } from 'vitest';
import { createRedisRegistry } from '../../src/discovery/redis/redis-registry.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { registryContract } from './contract.ts';

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.close());

let places = 0;
registryContract('redis', async () => {
  const namespace = `place-${places++}`;
  return {
    open: createRedisRegistry('registry', { url: redis.url, namespace, beatMs: 200, leaseMs: 1_000 }),
    put: async (service, id, text) => {
      const key = `mesh:v1:{${namespace}/${service}}:`;
      await redis.command('HSET', `${key}i`, id, `1|${text}`);
      await redis.command('ZADD', `${key}l`, Date.now() + 60_000, id);
      await redis.command('HINCRBY', `${key}h`, 'rev', 1);
    },
    close: async () => {},
  };
});
