import type { Context } from '../core/context.ts';
import { DeadlineError } from '../core/errors.ts';
import { type Filter, LATE } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/**
 * Bounds a whole call, all its attempts and the body of its response together: by `deadlineMs`, or by what is left of the deadline that it came with, that of
 * the request that it is made for or of its caller, whichever is sooner. `false` leaves only the latter.
 *
 * Cancelling the call, for whatever reason, settles it here at once: nothing below can make a caller wait.
 */
export function deadline<Req, Res>(deadlineMs: number | false): Filter<Req, Res> {
  return observe(({ clock, target, metrics }) => {
    const expired = metrics.counter('calls_expired', { service: target });
    const failed = (ctx: Context, message: string) => {
      expired.add();
      const error = new DeadlineError(target, ctx.limitedBy === 'request', message);
      error.limitedBy = ctx.limitedBy;
      return error;
    };
    const late = (ctx: Context) => {
      // The first of several has all that they may take; one whose own service gives it less has that.
      const since = ctx.limitedBy === 'service' ? ctx.startedAt : (ctx.noted.since ?? ctx.startedAt);
      return failed(ctx, `the call to '${target}' did not end within ${Math.round(ctx.deadline - since)} ms`);
    };
    const unsent = (ctx: Context) => {
      if (ctx.noted.since !== undefined) return late(ctx);
      const what = ctx.limitedBy === 'request' ? 'the request it is made for' : 'the time it was given';
      return failed(ctx, `the call to '${target}' was not sent: ${what} has already expired`);
    };
    const expire = (ctx: Context) => ctx.cancel(late(ctx));
    return {
      start(_req, ctx) {
        const own = deadlineMs === false ? Number.POSITIVE_INFINITY : ctx.startedAt + deadlineMs;
        if (own <= ctx.deadline) {
          ctx.deadline = own;
          ctx.limitedBy = 'service';
        }
        const leftMs = ctx.deadline - ctx.startedAt;
        if (leftMs <= 0) return unsent(ctx);
        if (ctx.cancelled !== undefined) return ctx.cancelled;
        if (leftMs !== Number.POSITIVE_INFINITY) ctx.limitBy(clock.at(ctx.deadline, expire, ctx));
        return undefined;
      },
      [LATE]() {
        // The attempt that it is of was cancelled with the call: that frees it.
      },
    };
  });
}
