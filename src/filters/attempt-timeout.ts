import { AttemptTimeoutError } from '../core/errors.ts';
import { type Filter, LATE } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/**
 * Bounds one attempt, its body included, and settles it as soon as it is cancelled from above, whatever the client library does then. A
 * response that comes after all is given back to the library to be freed.
 */
export function attemptTimeout<Req, Res>(timeoutMs: number | false, discard: (res: Res) => void): Filter<Req, Res> {
  return observe(({ clock, target }) => ({
    start(_req, ctx) {
      if (timeoutMs === false) return undefined;
      const moment = ctx.startedAt + timeoutMs;
      ctx.deadline = Math.min(ctx.deadline, moment);
      const expire = () => ctx.cancel(new AttemptTimeoutError(target, ctx.endpoint?.id, timeoutMs));
      ctx.limitBy(clock.at(moment, expire));
      return undefined;
    },
    [LATE]: (res) => discard(res),
  }));
}
