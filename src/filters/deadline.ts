import type { Context } from '../core/context.ts';
import { DeadlineError } from '../core/errors.ts';
import { type Filter, LATE } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/**
 * Bounds a whole call, all its attempts and the body of its response together: by `deadlineMs`, or by what is left of the deadline of the
 * request that it is made for, whichever is sooner. `false` leaves only the latter.
 *
 * Cancelling the call, for whatever reason, settles it here at once: nothing below can make a caller wait.
 */
export function deadline<Req, Res>(deadlineMs: number | false): Filter<Req, Res> {
  return observe(({ clock, target, metrics }) => {
    const expired = metrics.counter('calls_expired', { service: target });
    const error = (ctx: Context, inherited: boolean) => {
      const since = ctx.noted.since ?? ctx.startedAt;
      const late = `the call to '${target}' did not end within ${Math.round(ctx.deadline - since)} ms`;
      return new DeadlineError(target, inherited, late);
    };
    const expire = (ctx: Context, inherited: boolean) => {
      expired.add();
      ctx.cancel(error(ctx, inherited));
    };
    const expireOwn = (ctx: Context) => expire(ctx, false);
    const expireInherited = (ctx: Context) => expire(ctx, true);
    return {
      start(_req, ctx) {
        const own = deadlineMs === false ? Number.POSITIVE_INFINITY : ctx.startedAt + deadlineMs;
        const inherited = ctx.deadline < own && ctx.noted.since === undefined;
        if (own < ctx.deadline) ctx.deadline = own;
        if (!inherited) ctx.deadlineHanded = false;
        const leftMs = ctx.deadline - ctx.startedAt;
        if (leftMs <= 0) {
          expired.add();
          if (!inherited) return error(ctx, false);
          const late = `the call to '${target}' was not sent: the request it is made for has already expired`;
          return new DeadlineError(target, inherited, late);
        }
        if (ctx.cancelled !== undefined) return ctx.cancelled;
        if (leftMs !== Number.POSITIVE_INFINITY)
          ctx.limitBy(clock.at(ctx.deadline, inherited ? expireInherited : expireOwn, ctx));
        return undefined;
      },
      [LATE]() {
        // The attempt that it is of was cancelled with the call: that frees it.
      },
    };
  });
}
