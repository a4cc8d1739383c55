import type { Binding } from '../core/binding.ts';
import type { Context, FallenBack } from '../core/context.ts';
import { ConfigError, FallbackError, MeshError, messageOf } from '../core/errors.ts';
import type { Filter, Scope } from '../core/filter.ts';
import type { HttpBinding } from '../core/http-binding.ts';
import type { Service } from '../core/service.ts';
import { failed } from '../core/verdict.ts';
import type { FailedCall, ResolvedFallback } from './fallback-options.ts';
import { innerCall, learn } from './inner-call.ts';
import { LARGEST_BYTES, type StaleAnswers } from './stale-answers.ts';
import { within } from './within.ts';

/** How a call ended that failed. */
interface Failure<Res> {
  readonly error: MeshError;
  /** The response that said so, if one did. */
  readonly res: Res | undefined;
}

/** One way to answer a failed call; `undefined` when it has no answer. */
interface Source<Req, Res> {
  readonly to: FallenBack['to'];
  answer(req: Req, ctx: Context, failure: Failure<Res>): Promise<Res | undefined> | Res | undefined;
}

interface Parts<Req, Res> {
  readonly binding: Binding<Req, Res>;
  /** The stack of another service. */
  readonly other: (service: string) => Service<Req, Res>;
  /** The last good answers of the service, if they are kept. */
  readonly stale: StaleAnswers | undefined;
}

/** Errors that are about the request, or the mesh itself: nothing in the place of the call helps. */
const OWN: ReadonlySet<string> = new Set(['MESH_CLOSED', 'MESH_CONFIG']);

/**
 * Answers a call that failed: with another service, with the last good answer, or with what is given; the first that has an answer. A call failed when it
 * ended in an error that is not its caller's doing, or with a response that `classify` calls a failure and that is no 4xx. What has no answer leaves as it is. A function that throws makes a `FallbackError`, whose
 * cause is what the call had failed with.
 */
export function fallback<Req, Res>(options: ResolvedFallback, parts: Parts<Req, Res>): Filter<Req, Res> {
  const { binding } = parts;
  const { http } = binding;
  if (http === undefined)
    throw new ConfigError(`fallback cannot answer for '${binding.name}', which does not speak HTTP`);
  return (next, scope) => {
    const { target, clock, metrics } = scope;
    const stale = staleOf(options, parts, http, scope);
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
          ctx.fallback = { to, because: messageOf(error) };
          answered.get(to)?.add();
          return res;
        }
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
      if (ctx.made) return next(req, ctx);
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
        if (status === 200) stale?.keep(req, ctx, res);
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

/** Sends the request to another service, when that runs nothing twice that must not be. */
function otherService<Req, Res>(
  service: string,
  { binding, other }: Parts<Req, Res>,
  { clock }: Scope,
): Source<Req, Res> {
  const send = other(service);
  return {
    to: 'service',
    async answer(req, ctx, { error }) {
      if (ctx.streamed || !ctx.replayable) return undefined;
      if (!ctx.idempotent && error.resend !== 'safe' && sent(ctx)) return undefined;
      const now = clock.now();
      if (ctx.deadline <= now) return undefined;
      const call = ctx.another(service, now);
      call.made = true;
      ctx.onCancel((reason) => call.cancel(reason));
      let res: Res;
      try {
        res = await send(req, call);
      } catch (failure) {
        call.end(failure);
        return undefined;
      }
      if (failed(call.verdict)) {
        binding.discard(res);
        return undefined;
      }
      call.fallback = { to: 'service', because: messageOf(error) };
      ctx.endWith(call);
      return res;
    },
  };
}

function sent(ctx: Context): boolean {
  for (let attempt = ctx.previous; attempt !== undefined; attempt = attempt.previous) {
    if (attempt.endpoint !== undefined) return true;
  }
  return false;
}

/** Keeps good answers, where the client reads them whole, and gives the last one to the same request. */
function staleOf<Req, Res>(
  { ignoreHeaders }: ResolvedFallback,
  parts: Parts<Req, Res>,
  http: HttpBinding<Req, Res>,
  scope: Scope,
) {
  const { stale: answers, binding } = parts;
  const { whole } = http;
  if (answers === undefined || whole === 'stream') return undefined;
  if (whole === 'never')
    throw new ConfigError(
      `fallback.staleMs of '${scope.target}' cannot keep answers of ${scope.binding}, which gives streams: use mesh.client`,
    );
  const without = new Set(ignoreHeaders);
  const requestOf = (req: Req, { baggage }: Context) => {
    const same = whole.sameAs(req, without);
    return same === undefined ? undefined : `${same}\n${baggage}`;
  };
  const source: Source<Req, Res> = {
    to: 'stale',
    answer(req, ctx) {
      const request = requestOf(req, ctx);
      const made = request === undefined ? undefined : answers.get(request, scope.clock.now());
      if (made === undefined) return undefined;
      ctx.end();
      return http.respond(made, req, ctx);
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

function givenAnswer<Req, Res>(
  { make }: Exclude<ResolvedFallback['answer'], false>,
  limitMs: number,
  http: HttpBinding<Req, Res>,
  { binding }: Parts<Req, Res>,
  { target, clock, events }: Scope,
): Source<Req, Res> {
  return {
    to: 'answer',
    async answer(req, ctx, { error, res }) {
      const call: FailedCall = {
        service: target,
        operation: ctx.operation,
        path: http.path(req),
        header: (name) => binding.requestHeader(req, name),
        error,
        status: res === undefined ? undefined : http.status(res),
      };
      try {
        // Time that was handed over is not exceeded: with none left, what is at hand is still given.
        const leftMs = Math.max(0, Math.min(limitMs, ctx.deadline - clock.now()));
        const given = make(call);
        const made = given instanceof Promise ? await within(given, leftMs, clock, ctx) : given;
        if (made === undefined) return undefined;
        if (ctx.cancelled === undefined) ctx.end();
        return http.respond(made, req, ctx);
      } catch (thrown) {
        if (ctx.cancelled !== undefined) throw thrown;
        events.emit('fault', { source: `fallback of '${target}'`, error: thrown });
        throw new FallbackError(target, thrown, error);
      }
    },
  };
}
