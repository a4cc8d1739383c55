import { nodeOf } from '../balancer/node.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { failed } from '../core/verdict.ts';

/** Counts every send: `attempts{service, endpoint, outcome}` and `attempt_ms{service}`. */
export function attemptStats<Req, Res>(): Filter<Req, Res> {
  return observe(({ metrics, target }) => {
    const counter = (endpoint: string, outcome: string) =>
      metrics.counter('attempts', { service: target, endpoint, outcome });
    const took = metrics.histogram('attempt_ms', { service: target });
    return {
      success(_res, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        const node = nodeOf(ctx);
        if (failed(ctx.verdict)) {
          node.rejected ??= counter(node.endpoint.id, 'failure');
          node.rejected.add();
        } else {
          node.succeeded ??= counter(node.endpoint.id, 'success');
          node.succeeded.add();
        }
        return undefined;
      },
      failure(_error, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        const node = nodeOf(ctx);
        if (failed(ctx.verdict)) {
          node.rejected ??= counter(node.endpoint.id, 'failure');
          node.rejected.add();
        } else {
          node.ignored ??= counter(node.endpoint.id, 'ignorable');
          node.ignored.add();
        }
      },
    };
  });
}
