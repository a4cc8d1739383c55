import { type EndpointScope, type Filter, observe } from '../core/filter.ts';
import type { Counter } from '../core/metrics.ts';
import { failed } from '../core/verdict.ts';

/** Counts every send: `attempts{service, endpoint, outcome}` and `attempt_ms{service}`. */
export function attemptStats<Req, Res>(): Filter<Req, Res, EndpointScope> {
  return observe(({ metrics, target, endpoint }) => {
    const outcome = (name: string) =>
      metrics.counter('attempts', { service: target, endpoint: endpoint.id, outcome: name });
    const succeeded = outcome('success');
    // Made when first needed: most endpoints do well, and there are many endpoints.
    let rejected: Counter | undefined;
    let ignored: Counter | undefined;
    const reject = () => {
      rejected ??= outcome('failure');
      rejected.add();
    };
    const took = metrics.histogram('attempt_ms', { service: target });
    return {
      success(_res, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        if (failed(ctx.verdict)) reject();
        else succeeded.add();
        return undefined;
      },
      failure(_error, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        if (failed(ctx.verdict)) {
          reject();
        } else {
          ignored ??= outcome('ignorable');
          ignored.add();
        }
      },
    };
  });
}
