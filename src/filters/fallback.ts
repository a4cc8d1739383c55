import type { Context } from '../core/context.ts';
import { ConfigError, MeshError, messageOf } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { failed } from '../core/verdict.ts';
import type { ResolvedFallback } from './fallback-options.ts';
import { type Failure, type FallbackParts, givenAnswer, otherService, staleAnswer } from './fallback-sources.ts';
import { innerCall, learn, OWN } from './inner-call.ts';

/**
 * Answers a call that failed: with another service, with the last good answer, or with what is given; the first that has an answer.
 *
 * A call failed when it ended in an error that is not its caller's doing, or with a response that `classify` calls a failure and that is no
 * 4xx. What has no answer leaves as it is. A function that throws makes a `FallbackError`, whose cause is what the call had failed with.
 */
export function fallback<Req, Res>(options: ResolvedFallback, parts: FallbackParts<Req, Res>): Filter<Req, Res> {
  const { binding } = parts;
  const { http } = binding;
  if (http === undefined)
    throw new ConfigError(`fallback cannot answer for '${binding.name}', which does not speak HTTP`);
  return (next, scope) => {
    const { target, clock, metrics } = scope;
    const stale = staleAnswer(options, parts, http, scope);
    const sources = [
      ...(options.service === false || options.service === target ? [] : [otherService(options.service, parts, scope)]),
      ...(stale === undefined ? [] : [stale.source]),
      ...(options.answer === false ? [] : [givenAnswer(options.answer, options.limitMs, http, parts, scope)]),
    ];
    const answered = new Map(sources.map(({ to }) => [to, metrics.counter('fallbacks', { service: target, to })]));
    const unanswered = metrics.counter('fallbacks_failed', { service: target });

    /** The first answer that there is in the place of a failure. Nobody hears of one that comes after the call was given up. */
    const instead = async (req: Req, ctx: Context, inner: Context, { error, res: bad }: Failure<Res>): Promise<Res> => {
      const dropBad = () => {
        if (bad !== undefined) binding.discard(bad);
      };
      try {
        for (const { to, answer } of sources) {
          const res = await answer(req, ctx, { error, res: bad });
          if (res === undefined) continue;
          if (ctx.cancelled !== undefined) {
            binding.discard(res);
            throw ctx.cancelled;
          }
          dropBad();
          ctx.note({ fallback: { to, because: messageOf(error) } });
          answered.get(to)?.add();
          return res;
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
      return bad;
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
        return fallBack(req, ctx, inner, { error, res: undefined });
      }
      learn(ctx, inner, clock.now());
      const status = http.status(res);
      if (!failed(inner.verdict) || isRefusal(status)) {
        // What a cache gave was good when the service said it, not now.
        if (status === 200 && ctx.noted.cache !== 'hit' && ctx.noted.cache !== 'stale') stale?.keep(req, ctx, res);
        ctx.endWith(inner);
        return res;
      }
      const error = new MeshError('MESH_STATUS', `'${target}' answered ${status}`, {
        resend: 'idempotent',
        service: target,
        endpoint: inner.endpoint?.id,
        stack: false,
      });
      return fallBack(req, ctx, inner, { error, res });
    };
  };
}

/** Whether the server is well and says no. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}
