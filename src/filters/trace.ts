import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import type { Tracing } from '../telemetry/tracing.ts';

/** Gives each call its place in a trace: a span where the application records them, else the trace it came in, else a new one. */
export function trace<Req, Res>(tracing: Tracing): Filter<Req, Res> {
  return observe(() => ({
    start(_req, ctx) {
      tracing.startCall(ctx);
      return undefined;
    },
    success(_res, ctx) {
      tracing.finish(ctx, undefined);
      return undefined;
    },
    failure(error, ctx) {
      tracing.finish(ctx, error);
    },
  }));
}

/** A child span for each attempt, which names the endpoint. */
export function attemptTrace<Req, Res>(tracing: Tracing): Filter<Req, Res> {
  return observe(() => ({
    start(_req, ctx) {
      tracing.startAttempt(ctx);
      return undefined;
    },
    success(_res, ctx) {
      tracing.finish(ctx, undefined);
      return undefined;
    },
    failure(error, ctx) {
      tracing.finish(ctx, error);
    },
  }));
}
