import type { Context } from '../core/context.ts';
import type { LimitedBy } from '../core/limited-by.ts';

/**
 * Gives a call that follows a redirect what is left of the time of the call before it: to whoever asked they are one. It is the service's own time
 * still, unless the request that both are made for leaves them less. Attempts it has of its own: it is another request.
 */
export function nextHop(ctx: Context, before: Context): void {
  if (before.deadline >= ctx.deadline) return;
  ctx.deadline = before.deadline;
  ctx.limitedBy = restOf(before, ctx);
  ctx.note({ since: before.noted.since ?? before.startedAt });
}

/** Time that another service took is no more its own than time that a caller took. */
function restOf({ limitedBy, target }: Context, next: Context): LimitedBy {
  if (limitedBy === 'request' || limitedBy === 'caller') return limitedBy;
  return target === next.target ? 'redirects' : 'caller';
}
