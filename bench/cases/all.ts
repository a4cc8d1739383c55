import type { MakeCase } from './case.ts';
import { bareFetch, bareGot, meshClient, undiciRequest, wrappedFetch, wrappedGot } from './loopback.ts';
import { others, pickName, pickOf } from './pick.ts';
import { bareStub, defaultStack } from './stack.ts';

export const cases: Readonly<Record<string, MakeCase>> = {
  'undici.request': undiciRequest,
  'mesh.client': meshClient,
  got: bareGot,
  'wrapped got': wrappedGot,
  fetch: bareFetch,
  'wrapped fetch': wrappedFetch,
  'bare stub': bareStub,
  'default stack': defaultStack,
  'pick of 10': pickOf(10),
  'pick of 100': pickOf(100),
  'pick of 1,000': pickOf(1_000),
  'pick of 10,000': pickOf(10_000),
  'pick of 10 that report': pickOf(10, undefined, true),
  'pick of 10,000 that report': pickOf(10_000, undefined, true),
  ...Object.fromEntries(
    others.flatMap((one) => [10, 10_000].map((count) => [pickName(one, count), pickOf(count, one)] as const)),
  ),
};
