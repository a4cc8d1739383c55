import { cacheGuards } from './cache.ts';
import { chaosGuards } from './chaos.ts';
import { discoveryGuards } from './discovery.ts';
import type { Guard } from './guard.ts';
import { hostileGuards } from './hostile.ts';

/** All guards that `npm run test:guards` removes, one at a time. */
export const guards: readonly Guard[] = [...discoveryGuards, ...hostileGuards, ...cacheGuards, ...chaosGuards];
