import { nodeOf } from '../balancer/node.ts';
import type { NodeSet } from '../balancer/node-set.ts';
import type { Context } from '../core/context.ts';
import { AttemptTimeoutError, ConnectError, DeadlineError, MisdirectedError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { failed } from '../core/verdict.ts';
import { UnreadBodies } from './unread-bodies.ts';

/**
 * Tells the balancer how each attempt at its node went. A body that breaks off later, or is not there when the time of the attempt is up,
 * counts as a failure too; one that its reader gives up, or does not begin to read, does not.
 */
export function health<Req, Res>(
  nodes: NodeSet,
  unread?: (res: Res) => boolean,
  unreadBodies: UnreadBodies = new UnreadBodies(),
): Filter<Req, Res> {
  const judge = (ctx: Context, now?: number) => {
    const outcome = failed(ctx.verdict) ? 'failure' : ctx.verdict === 'success' ? 'success' : 'ignorable';
    nodes.report(nodeOf(ctx), outcome, ctx, now);
  };
  return observe((scope) => {
    const forgotten = scope.metrics.counter('bodies_unread', { service: scope.target });
    return {
      success(res, ctx) {
        if (ctx.ended || failed(ctx.verdict)) {
          judge(ctx, ctx.finishedAt);
        } else {
          ctx.onEnd((error) => {
            const cut = ctx.cancelled;
            const late =
              cut instanceof AttemptTimeoutError ||
              (cut instanceof DeadlineError && cut.limitedBy === 'service' && ctx.counted <= 1);
            if (late && unread?.(res) === true) {
              ctx.verdict = 'ignorable';
              forgotten.add();
              unreadBodies.found(ctx, scope);
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

/** Nobody is there, or somebody else is. */
function unreachable(error: unknown): boolean {
  return error instanceof ConnectError || error instanceof MisdirectedError;
}
