import { answerGuards } from './answers.ts';
import { breakerGuards } from './breaker.ts';
import { cacheGuards } from './cache.ts';
import { chaosGuards } from './chaos.ts';
import { connectionGuards } from './connections.ts';
import { deadlineGuards } from './deadlines.ts';
import { discoveryGuards } from './discovery.ts';
import { dnsGuards } from './dns.ts';
import { fallbackGuards } from './fallbacks.ts';
import { fileGuards } from './file.ts';
import { filterGuards } from './filters.ts';
import type { Guard } from './guard.ts';
import { healthGuards } from './health.ts';
import { hostileGuards } from './hostile.ts';
import { k8sGuards } from './k8s.ts';
import { limitGuards } from './limits.ts';
import { loadGuards } from './load.ts';
import { localityGuards } from './locality.ts';
import { namesGuards } from './names.ts';
import { oddGuards } from './odd.ts';
import { pickerGuards } from './pickers.ts';
import { redisGuards } from './redis.ts';
import { resendGuards } from './resends.ts';
import { retryGuards } from './retries.ts';
import { topologyGuards } from './topo.ts';

/** All guards that `npm run test:guards` removes, one at a time. */
export const guards: readonly Guard[] = [
  ...answerGuards,
  ...discoveryGuards,
  ...hostileGuards,
  ...breakerGuards,
  ...oddGuards,
  ...cacheGuards,
  ...dnsGuards,
  ...fileGuards,
  ...k8sGuards,
  ...namesGuards,
  ...redisGuards,
  ...retryGuards,
  ...resendGuards,
  ...deadlineGuards,
  ...topologyGuards,
  ...chaosGuards,
  ...connectionGuards,
  ...fallbackGuards,
  ...filterGuards,
  ...healthGuards,
  ...limitGuards,
  ...loadGuards,
  ...localityGuards,
  ...pickerGuards,
];
