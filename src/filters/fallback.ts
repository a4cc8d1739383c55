import type { Context } from '../core/context.ts';
import { MeshError, messageOf } from '../core/errors.ts';
import type { Filter, Scope } from '../core/filter.ts';
import { failed } from '../core/verdict.ts';
import { type Answering, type Failure, type FallbackParts, otherService } from './fallback-sources.ts';
import { innerCall, learn, OWN } from './inner-call.ts';

/**
 * Answers a call that failed: with another service, or with what its kind of client can be answered with; the first that has an answer.
 *
 * A call failed when it ended in an error that is not its caller's doing and does not prove the server well, or with a response that `classify` calls a failure and that is no
 * refusal. What has no answer leaves as it is. A function that throws makes a `FallbackError`, whose cause is what the call had failed with.
 */
export function fallback<Req, Res>(
  service: string | false,
  answeringOf: (scope: Scope) => Answering<Req, Res>,
  parts: FallbackParts<Req, Res>,
): Filter<Req, Res> {
  const { binding } = parts;
  return (next, scope) => {
    const { target, clock, metrics } = scope;
    const answering = answeringOf(scope);
    const sources = [
      ...(service === false || service === target ? [] : [otherService(service, parts, scope)]),
      ...answering.sources,
    ];
    const answered = new Map(sources.map(({ to }) => [to, metrics.counter('fallbacks', { service: target, to })]));
    const unanswered = metrics.counter('fallbacks_failed', { service: target });

    /** The first answer that there is in the place of a failure. Nobody hears of one that comes after the call was given up. */
    const instead = async (req: Req, ctx: Context, inner: Context, failure: Failure<Res>): Promise<Res> => {
      const { error, bad } = failure;
      const dropBad = () => {
        if (bad !== undefined) binding.discard(bad.res);
      };
      try {
        for (const { to, answer } of sources) {
          const given = await answer(req, ctx, failure);
          if (given === undefined) continue;
          if (ctx.cancelled !== undefined) {
            binding.discard(given.res);
            throw ctx.cancelled;
          }
          dropBad();
          ctx.note({ fallback: { to, because: messageOf(error) } });
          answered.get(to)?.add();
          return given.res;
        }
        if (ctx.cancelled !== undefined) throw ctx.cancelled;
      } catch (thrown) {
        dropBad();
        if (ctx.cancelled === undefined) unanswered.add();
        throw thrown;
      }
      unanswered.add();
      if (bad === undefined) throw error;
      ctx.endWith(inner);
      return bad.res;
    };

    const fallBack = (req: Req, ctx: Context, inner: Context, failure: Failure<Res>): Promise<Res> =>
      new Promise((resolve, reject) => {
        ctx.onCancel(reject);
        instead(req, ctx, inner, failure).then(resolve, reject);
      });

    return async (req, ctx) => {
      if (ctx.noted.made === true) return next(req, ctx);
      const inner = innerCall(ctx);
      let res: Res;
      try {
        res = await next(req, inner);
      } catch (error) {
        inner.end(error);
        learn(ctx, inner, clock.now());
        if (ctx.cancelled !== undefined || !(error instanceof MeshError) || OWN.has(error.code)) throw error;
        if (provesWell(error, inner)) throw error;
        return fallBack(req, ctx, inner, { error, bad: undefined });
      }
      learn(ctx, inner, clock.now());
      if (!failed(inner.verdict) || answering.isRefusal(res)) {
        answering.keep?.(req, ctx, res);
        // A redirect may be followed, within what is left.
        ctx.deadline = inner.deadline;
        ctx.limitedBy = inner.limitedBy;
        ctx.endWith(inner);
        return res;
      }
      const error = new MeshError('MESH_STATUS', `'${target}' ${answering.words(res)}`, {
        resend: 'idempotent',
        service: target,
        endpoint: inner.endpoint?.id,
        stack: false,
      });
      return fallBack(req, ctx, inner, { error, bad: { res } });
    };
  };
}

/** Whether it is the error of an attempt by which the server, being well, said no: a function may know such. */
function provesWell(error: unknown, { previous: last }: Context): boolean {
  return last?.verdict === 'success' && last.error === error;
}
