import { AttemptTimeoutError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';

/**
 * Bounds one attempt, its body included, and settles it as soon as it is cancelled from above, whatever the client library does then. A
 * response that comes after all is given back to the library to be freed.
 */
export function attemptTimeout<Req, Res>(timeoutMs: number | false, discard: (res: Res) => void): Filter<Req, Res> {
  return (next, { clock, target }) =>
    (req, ctx) => {
      if (timeoutMs !== false) ctx.deadline = Math.min(ctx.deadline, ctx.startedAt + timeoutMs);
      return new Promise<Res>((resolve, reject) => {
        ctx.onCancel(reject);
        if (timeoutMs !== false) {
          const expire = () => ctx.cancel(new AttemptTimeoutError(target, ctx.endpoint?.id, timeoutMs));
          ctx.limitBy(clock.at(ctx.startedAt + timeoutMs, expire));
        }
        next(req, ctx).then((res) => {
          if (ctx.cancelled === undefined) resolve(res);
          else discard(res);
        }, reject);
      });
    };
}
