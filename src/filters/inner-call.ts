import type { Context } from '../core/context.ts';

/**
 * The same call for the layers inside of a filter that outlives it there: what it comes to, and when it is over, is then the filter's to say.
 * Whoever gives up the call gives up this one.
 */
export function innerCall(ctx: Context): Context {
  const inner = ctx.another(ctx.target, ctx.startedAt);
  inner.span = ctx.span; // no layer inside makes one for the call
  if (ctx.noted.since !== undefined) inner.note({ since: ctx.noted.since });
  ctx.onCancel((reason) => inner.cancel(reason));
  return inner;
}

/** Errors that are about the request, or the mesh itself: nothing in the place of the call helps. */
export const OWN: ReadonlySet<string> = new Set(['MESH_CLOSED', 'MESH_CONFIG']);

/** Whether any attempt of the call went to an endpoint. */
export function sent(ctx: Context): boolean {
  for (let attempt = ctx.previous; attempt !== undefined; attempt = attempt.previous) {
    if (attempt.endpoint !== undefined) return true;
  }
  return false;
}

/** Makes what is known of `inner` known of the call: its attempts and what they came to. */
export function learn(ctx: Context, inner: Context, now: number): void {
  ctx.previous = inner.previous;
  ctx.refusals = inner.refusals;
  ctx.endpoint = inner.endpoint;
  ctx.verdict = inner.verdict;
  const { notRetried, cache, shared } = inner.noted;
  // That a call waited for another is for itself to know: the request that it waited for does not.
  ctx.note({ notRetried, cache, ...(shared !== undefined && { shared }) });
  ctx.replayable = inner.replayable;
  // A response leads to the inner call, and `meshOf` with it.
  inner.finishedAt = now;
}
