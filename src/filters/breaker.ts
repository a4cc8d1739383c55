import type { ServiceBreaker } from '../breaker/service-breaker.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { failed } from '../core/verdict.ts';
import { verdictOnCall } from './classify.ts';

/**
 * Refuses calls while the breaker of the service is open, and tells it how the others ended. One that waited for another says nothing: a single failure
 * that a hundred wait for is no hundred.
 */
export function breaker<Req, Res>(circuit: ServiceBreaker): Filter<Req, Res> {
  return observe(() => ({
    start: (_req, ctx) => circuit.admit(ctx),
    success(_res, ctx) {
      if (ctx.noted.shared === true || ctx.verdict === 'ignorable') circuit.ignore(ctx);
      else circuit.record(ctx, failed(ctx.verdict));
      return undefined;
    },
    failure(error, ctx) {
      const shared = ctx.noted.shared === true;
      if (ctx.verdict === 'success' && !shared) circuit.record(ctx, false);
      else if (ctx.verdict === 'ignorable' || shared || verdictOnCall(error) === 'ignorable') circuit.ignore(ctx);
      else circuit.record(ctx, true);
    },
  }));
}
