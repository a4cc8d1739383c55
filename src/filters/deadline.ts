import { DeadlineError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';

/**
 * Bounds a whole call, all its attempts and the body of its response together: by `deadlineMs`, or by what is left of the deadline of the
 * request that it is made for, whichever is sooner. `false` leaves only the latter.
 *
 * Cancelling the call, for whatever reason, settles it here at once: nothing below can make a caller wait.
 */
export function deadline<Req, Res>(deadlineMs: number | false): Filter<Req, Res> {
  return (next, { clock, target, metrics }) => {
    const expired = metrics.counter('calls_expired', { service: target });
    return (req, ctx) => {
      const own = deadlineMs === false ? Number.POSITIVE_INFINITY : ctx.startedAt + deadlineMs;
      const inherited = ctx.deadline < own;
      if (!inherited) ctx.deadline = own;
      const leftMs = ctx.deadline - ctx.startedAt;
      if (leftMs <= 0) {
        expired.add();
        const error = new DeadlineError(
          target,
          inherited,
          `the call to '${target}' was not sent: the request it is made for has already expired`,
        );
        ctx.end(error);
        return Promise.reject(error);
      }
      if (ctx.cancelled !== undefined) {
        ctx.end(ctx.cancelled);
        return Promise.reject(ctx.cancelled);
      }
      return new Promise<Res>((resolve, reject) => {
        ctx.onCancel(reject);
        const timer =
          leftMs === Number.POSITIVE_INFINITY
            ? undefined
            : clock.after(leftMs, () => {
                expired.add();
                ctx.cancel(
                  new DeadlineError(
                    target,
                    inherited,
                    `the call to '${target}' did not end within ${Math.round(leftMs)} ms`,
                  ),
                );
              });
        next(req, ctx).then(
          (res) => {
            if (timer !== undefined) ctx.onEnd(() => timer.cancel());
            resolve(res);
          },
          (error: unknown) => {
            timer?.cancel();
            ctx.end(error);
            reject(error);
          },
        );
      });
    };
  };
}
