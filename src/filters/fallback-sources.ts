import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { ConfigError, FallbackError, type MeshError, messageOf } from '../core/errors.ts';
import type { Scope } from '../core/filter.ts';
import type { HttpBinding } from '../core/http-binding.ts';
import type { FallenBack } from '../core/notes.ts';
import type { Service } from '../core/service.ts';
import { failed } from '../core/verdict.ts';
import type { FailedCall, ResolvedFallback } from './fallback-options.ts';
import { sent } from './inner-call.ts';
import { LARGEST_BYTES, type StaleAnswers } from './stale-answers.ts';
import { within } from './within.ts';

/** How a call ended that failed. */
export interface Failure<Res> {
  readonly error: MeshError;
  /** The response that said so, if one did. */
  readonly res: Res | undefined;
}

/** One way to answer a failed call; `undefined` when it has no answer. */
interface Source<Req, Res> {
  readonly to: FallenBack['to'];
  answer(req: Req, ctx: Context, failure: Failure<Res>): Promise<Res | undefined> | Res | undefined;
}

export interface FallbackParts<Req, Res> {
  readonly binding: Binding<Req, Res>;
  /** The stack of another service. */
  readonly other: (service: string) => Service<Req, Res>;
  /** The last good answers of the service, if they are kept. */
  readonly stale: StaleAnswers | undefined;
}

/** Sends the request to another service, when that runs nothing twice that must not be. */
export function otherService<Req, Res>(
  service: string,
  { binding, other }: FallbackParts<Req, Res>,
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
      call.note({ made: true });
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
      call.note({ fallback: { to: 'service', because: messageOf(error) } });
      ctx.endWith(call);
      return res;
    },
  };
}

/** Keeps good answers, where the client reads them whole, and gives the last one to the same request. */
export function staleAnswer<Req, Res>(
  { ignoreHeaders }: ResolvedFallback,
  parts: FallbackParts<Req, Res>,
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

/** Answers with what is given, or with what a given function makes of the failure. */
export function givenAnswer<Req, Res>(
  { make }: Exclude<ResolvedFallback['answer'], false>,
  limitMs: number,
  http: HttpBinding<Req, Res>,
  { binding }: FallbackParts<Req, Res>,
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
