import type { RegistryFactory } from '../registry.ts';
import type { RedisRegistryOptions } from './options.ts';
import { createRedisRegistry } from './redis-registry.ts';

/** Redis as a registry, with more to choose than a URL can say. Published as `heddle/redis`. */
export type { RedisCredentials, RedisRegistryOptions } from './options.ts';
export type { RedisClusterOptions, RedisConnectionOptions, RedisNode, RedisTemplate } from './source.ts';

/**
 * What `registry:` of a mesh takes: `createMesh({ registry: redisRegistry({ client }) })`. Throws a `ConfigError` for a wrong option, and for one
 * of ioredis that is the mesh's to choose.
 */
export function redisRegistry(options: RedisRegistryOptions): RegistryFactory {
  return createRedisRegistry('redisRegistry', options);
}
