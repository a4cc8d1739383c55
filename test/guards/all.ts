import { cacheGuards } from './cache.ts';
import { discoveryGuards } from './discovery.ts';
import type { Guard } from './guard.ts';
import { hostileGuards } from './hostile.ts';
import { redisGuards } from './redis.ts';

/** All guards that `npm run test:guards` removes, one at a time. */
export const guards: readonly Guard[] = [...discoveryGuards, ...hostileGuards, ...cacheGuards, ...redisGuards];
