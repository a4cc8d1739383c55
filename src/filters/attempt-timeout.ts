import type { Context } from '../core/context.ts';
import { AttemptTimeoutError } from '../core/errors.ts';
import { type Filter, LATE } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/**
 * Bounds one attempt, its body included, and settles it as soon as it is cancelled from above, whatever the client library does then. A
 * response that comes after all is given back to the library to be freed.
 */
export function attemptTimeout<Req, Res>(timeoutMs: number | false, discard: (res: Res) => void): Filter<Req, Res> {
  return observe(({ clock, target }) => {
    const late = { [LATE]: (res: Res) => discard(res) };
    if (timeoutMs === false) return late;
    const expire = (ctx: Context) => ctx.cancel(new AttemptTimeoutError(target, ctx.endpoint?.id, timeoutMs));
    return {
      ...late,
      start(_req, ctx) {
        const moment = ctx.startedAt + timeoutMs;
        ctx.deadline = Math.min(ctx.deadline, moment);
        ctx.limitBy(clock.at(moment, expire, ctx));
        return undefined;
      },
    };
  });
}
