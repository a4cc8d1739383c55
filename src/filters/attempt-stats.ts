import { type EndpointScope, type Filter, observe } from '../core/filter.ts';
import { failed } from '../core/verdict.ts';

/** Counts every send: `attempts{service, endpoint, outcome}` and `attempt_ms{service}`. */
export function attemptStats<Req, Res>(): Filter<Req, Res, EndpointScope> {
  return observe(({ metrics, target, endpoint }) => {
    const outcome = (name: string) =>
      metrics.counter('attempts', { service: target, endpoint: endpoint.id, outcome: name });
    const succeeded = outcome('success');
    const rejected = outcome('failure');
    const ignored = outcome('ignorable');
    const took = metrics.histogram('attempt_ms', { service: target });
    return {
      success(_res, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        (failed(ctx.verdict) ? rejected : succeeded).add();
        return undefined;
      },
      failure(_error, ctx) {
        took.record(ctx.finishedAt - ctx.startedAt);
        (failed(ctx.verdict) ? rejected : ignored).add();
      },
    };
  });
}
