import { discoveryGuards } from './discovery.ts';
import type { Guard } from './guard.ts';
import { topologyGuards } from './topo.ts';

/** All guards that `npm run test:guards` removes, one at a time. */
export const guards: readonly Guard[] = [...discoveryGuards, ...topologyGuards];
