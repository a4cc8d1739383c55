import { nodeOf } from '../balancer/node.ts';
import type { NodeSet } from '../balancer/node-set.ts';
import type { Context } from '../core/context.ts';
import { AttemptTimeoutError, ConnectError, DeadlineError, MisdirectedError } from '../core/errors.ts';
import type { Filter, Scope } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { failed } from '../core/verdict.ts';

/**
 * Tells the balancer how each attempt at its node went. A body that breaks off later, or is not there when the time of the attempt is up,
 * counts as a failure too; one that its reader gives up, or does not begin to read, does not.
 */
export function health<Req, Res>(
  nodes: NodeSet,
  unread?: (res: Res) => boolean,
  toldOf: Set<string> = new Set(),
): Filter<Req, Res> {
  const judge = (ctx: Context, now?: number) => {
    const outcome = failed(ctx.verdict) ? 'failure' : ctx.verdict === 'success' ? 'success' : 'ignorable';
    nodes.report(nodeOf(ctx), outcome, ctx, now);
  };
  return observe((scope) => {
    const forgotten = forgottenBodies(scope, toldOf);
    return {
      success(res, ctx) {
        if (ctx.ended || failed(ctx.verdict)) {
          judge(ctx, ctx.finishedAt);
        } else {
          ctx.onEnd((error) => {
            const cut = ctx.cancelled;
            const late =
              cut instanceof AttemptTimeoutError ||
              (cut instanceof DeadlineError && !cut.inherited && ctx.counted <= 1);
            if (late && unread?.(res) === true) {
              ctx.verdict = 'ignorable';
              forgotten(ctx);
            } else if (late || (error !== undefined && ctx.cancelled === undefined)) ctx.verdict = 'failure';
            judge(ctx);
          });
        }
        return undefined;
      },
      failure(error, ctx) {
        if (unreachable(error)) nodes.report(nodeOf(ctx), 'unreachable', ctx);
        else judge(ctx, ctx.finishedAt);
      },
    };
  });
}

/** Tells of bodies that nobody reads, the first one of a client library by an event: an application that forgets one does so with each call. */
function forgottenBodies({ target, binding, events, metrics }: Scope, toldOf: Set<string>): (ctx: Context) => void {
  const count = metrics.counter('bodies_unread', { service: target });
  return ({ endpoint }) => {
    count.add();
    if (toldOf.has(binding)) return;
    toldOf.add(binding);
    events.emit('unread', { service: target, endpoint: endpoint?.id ?? '', client: binding });
  };
}

/** Nobody is there, or somebody else is. */
function unreachable(error: unknown): boolean {
  return error instanceof ConnectError || error instanceof MisdirectedError;
}
