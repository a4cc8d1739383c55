import { type HashedCall, type HashOn, resolveHashOn } from '../balancer/hash-on.ts';
import { integer, options as known } from '../core/check.ts';

/** How many calls for one and the same (a tenant, a user, a job) may be under way. */
export interface BulkheadOptions {
  /** Whom a call is for: a header, a cookie, or a function of the call. One for nobody is not limited. */
  readonly by: HashOn;
  /** Most calls under way for one key, their bodies included. 1 to 1,000,000. @default 100 */
  readonly max?: number | undefined;
}

export interface ResolvedBulkhead {
  readonly by: { readonly keyOf: (call: HashedCall) => string | undefined; readonly words: string };
  readonly max: number;
}

export function resolveBulkhead(name: string, options: BulkheadOptions): ResolvedBulkhead {
  known(name, options, ['by', 'max']);
  const { keyOf, words } = resolveHashOn(`${name}.by`, options.by);
  return { by: { keyOf, words }, max: integer(`${name}.max`, options.max ?? 100, { min: 1, max: 1_000_000 }) };
}
