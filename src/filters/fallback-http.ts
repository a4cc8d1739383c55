import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { ConfigError } from '../core/errors.ts';
import type { Scope } from '../core/filter.ts';
import type { HttpBinding, MadeResponse } from '../core/http-binding.ts';
import type { FailedCall, ResolvedFallback } from './fallback-options.ts';
import { type Answering, madeAnswer, type Source } from './fallback-sources.ts';
import { LARGEST_BYTES, type StaleAnswers } from './stale-answers.ts';

interface HttpParts<Req, Res> {
  readonly binding: Binding<Req, Res>;
  readonly http: HttpBinding<Req, Res>;
  /** The last good answers of the service, if they are kept. */
  readonly stale: StaleAnswers | undefined;
}

/** How clients that speak HTTP are answered: with the last good answer, or with a response that is given or made. */
export function httpAnswering<Req, Res>(
  options: ResolvedFallback,
  parts: HttpParts<Req, Res>,
): (scope: Scope) => Answering<Req, Res> {
  const { http } = parts;
  return (scope) => {
    const stale = staleAnswer(options, parts, scope);
    return {
      sources: [
        ...(stale === undefined ? [] : [stale.source]),
        ...(options.answer === false ? [] : [givenAnswer(options.answer, options.limitMs, parts, scope)]),
      ],
      isRefusal(res) {
        const status = http.status(res);
        return status >= 400 && status < 500;
      },
      words: (res) => `answered ${http.status(res)}`,
      keep(req, ctx, res) {
        // What a cache gave was good when the service said it, not now.
        if (http.status(res) === 200 && ctx.noted.cache !== 'hit' && ctx.noted.cache !== 'stale')
          stale?.keep(req, ctx, res);
      },
    };
  };
}

/** Keeps good answers, where the client reads them whole, and gives the last one to the same request. */
function staleAnswer<Req, Res>(
  { ignoreHeaders }: ResolvedFallback,
  { binding, http, stale: answers }: HttpParts<Req, Res>,
  scope: Scope,
) {
  const { whole } = http;
  if (answers === undefined || whole === 'stream') return undefined;
  if (whole === 'never')
    throw new ConfigError(
      `fallback.staleMs of '${scope.target}' cannot keep answers of ${scope.binding}, which gives streams: use mesh.client`,
    );
  const without = new Set(ignoreHeaders);
  const requestOf = (req: Req, { baggage, headers }: Context) => {
    const same = whole.sameAs(req, without);
    // A filter of the application may say whom it is for.
    return same === undefined ? undefined : JSON.stringify([same, baggage, ...headers]);
  };
  const source: Source<Req, Res> = {
    to: 'stale',
    answer(req, ctx) {
      const request = requestOf(req, ctx);
      const made = request === undefined ? undefined : answers.get(request, scope.clock.now());
      if (made === undefined) return undefined;
      ctx.end();
      return { res: http.respond(made, req, ctx) };
    },
  };
  const keep = (req: Req, ctx: Context, res: Res) => {
    if (whole.length(res) > LARGEST_BYTES) return;
    if (/no-store/i.test(binding.requestHeader(req, 'cache-control') ?? '')) return;
    const request = requestOf(req, ctx);
    if (request !== undefined) answers.keep(request, whole.copy(res), scope.clock.now());
  };
  return { source, keep };
}

/** Answers with what is given, or with what a given function makes of the failure. */
function givenAnswer<Req, Res>(
  { make }: Exclude<ResolvedFallback['answer'], false>,
  limitMs: number,
  { binding, http }: HttpParts<Req, Res>,
  scope: Scope,
): Source<Req, Res> {
  return madeAnswer<Req, Res, MadeResponse>(
    {
      make(req, ctx, { error, bad }) {
        const call: FailedCall = {
          service: scope.target,
          operation: ctx.operation,
          path: http.path(req),
          header: (name) => binding.requestHeader(req, name),
          error,
          status: bad && http.status(bad.res),
        };
        return make(call);
      },
      respond: (made, req, ctx) => http.respond(made, req, ctx),
      limitMs,
    },
    scope,
  );
}
