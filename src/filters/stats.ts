import { attachCall } from '../core/call-of.ts';
import { MeshError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { failed } from '../core/verdict.ts';

/**
 * Counts logical calls by outcome, and how long they took until the head of the response: `calls{service, binding, outcome}` and
 * `call_ms{service, binding}`. The outcome is `success`, `failure` (a response that says so), `fallback` (it failed, and was
 * answered in another way), or the code of the error.
 */
export function stats<Req, Res>(): Filter<Req, Res> {
  return observe(({ clock, metrics, target, binding }) => {
    const outcome = (name: string) => metrics.counter('calls', { service: target, binding, outcome: name });
    const succeeded = outcome('success');
    const rejected = outcome('failure');
    const took = metrics.histogram('call_ms', { service: target, binding });
    return {
      success(_res, ctx) {
        if (Number.isNaN(ctx.finishedAt)) ctx.finishedAt = clock.now(); // who answered in the place of an attempt did not say
        took.record(ctx.finishedAt - ctx.startedAt);
        if (ctx.noted.fallback !== undefined) outcome('fallback').add();
        else if (failed(ctx.verdict)) rejected.add();
        else succeeded.add();
        return undefined;
      },
      failure(error, ctx) {
        ctx.finishedAt = clock.now();
        attachCall(error, ctx);
        // A call that a layer refused has nothing else that would end it, and let go of its caller's signal.
        ctx.end(error);
        took.record(ctx.finishedAt - ctx.startedAt);
        outcome(error instanceof MeshError ? error.code : 'error').add();
      },
    };
  });
}
