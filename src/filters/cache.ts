import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { ConfigError, MeshError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { FilterFaults } from '../core/filter-faults.ts';
import type { MadeResponse } from '../core/http-binding.ts';
import type { CacheUse } from '../core/notes.ts';
import type { AnswerCache, KeptAnswer } from './answer-cache.ts';
import { changesNothing, changing } from './cache-changes.ts';
import { directivesOf } from './cache-control.ts';
import { type Asked, withAdded } from './cache-headers.ts';
import { createKeeper, type Sent } from './cache-keeper.ts';
import type { ResolvedCache } from './cache-options.ts';
import { createRules } from './cache-rules.ts';
import { innerCall, learn, OWN } from './inner-call.ts';

/** Headers by which a caller has its own way with answers of before, or wants a part. */
const OWN_WAY = ['range', 'if-range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];
/** What a call that ended in an error is to the rules. */
const AN_ERROR = 504;
const NOT_KEPT: MadeResponse = { status: 504, headers: {}, body: new Uint8Array() };

/**
 * Answers GETs with what the service answered before, for as long as RFC 9111 allows a cache that many share. An answer that is old is asked after, and a 304
 * makes it good again. What says `stale-while-revalidate` is given old and asked after beside the call, what says `stale-if-error` in the place of an error.
 *
 * Only where the client library reads bodies whole. What headers make the rules throw is not kept, and counted in `filter_faults`.
 */
export function cache<Req, Res>(
  { maxEntryBytes }: ResolvedCache,
  answers: AnswerCache,
  binding: Binding<Req, Res>,
): Filter<Req, Res> {
  const { http } = binding;
  const whole = http?.whole ?? 'never';
  if (http === undefined || whole === 'never')
    throw new ConfigError(
      `cache cannot keep what ${binding.name} is answered with, which is a stream: use mesh.client`,
    );

  return (next, scope) => {
    const { target, clock, metrics } = scope;
    const change = changing(next, { answers, target, binding, http });
    if (whole === 'stream') return (req, ctx) => (changesNothing(ctx) ? next(req, ctx) : change(req, ctx));

    const faults = new FilterFaults('cache', scope);
    const keeper = createKeeper({ answers, rules: createRules(clock), whole, maxEntryBytes, faults });
    const results = (['hit', 'stale', 'revalidated', 'miss', 'bypass'] as const).map(
      (result) => [result, metrics.counter('cache', { service: target, result })] as const,
    );
    const counters = new Map<CacheUse, (typeof results)[number][1]>(results);
    const told = (ctx: Context, use: CacheUse): void => {
      ctx.note({ cache: use });
      counters.get(use)?.add();
    };

    const askedOf = (req: Req, { baggage, headers }: Context): Asked | undefined => {
      const own = whole.get(req);
      if (own === undefined) return undefined;
      // A filter of the application, or names in the place of others, may say whom it is for.
      const scope = JSON.stringify([baggage, ...headers]);
      return { path: http.path(req), scope, own, headers: withAdded(own, headers) };
    };

    /** Answers without the service. */
    const give = (req: Req, ctx: Context, use: CacheUse, made: MadeResponse): Res => {
      told(ctx, use);
      ctx.verdict = made === NOT_KEPT ? 'failure' : 'success';
      ctx.end();
      return http.respond(made, req, ctx);
    };

    /** Sends it as it is, and keeps what it is answered with. */
    const ask = (req: Req, ctx: Context, asked: Asked): Promise<Res> => {
      told(ctx, 'miss');
      const asking = answers.ask(asked.path);
      return next(req, ctx).then(
        (res) => {
          answers.arrived(asking);
          keeper.came({ asked, ctx, asking, old: undefined }, res);
          return res;
        },
        (error: unknown) => {
          answers.arrived(asking);
          throw error;
        },
      );
    };

    const confirms = (res: Res, validators: readonly string[]) => http.status(res) === 304 && validators.length > 0;

    /** Asks whether an old answer is still good, and gives that one if it is, or if it is allowed instead of an error. */
    const validate = (
      req: Req,
      ctx: Context,
      asked: Asked,
      old: KeptAnswer,
      validators: readonly string[],
    ): Promise<Res> => {
      const inner = innerCall(ctx);
      inner.headers.push(...validators);
      const sent: Sent = { asked, ctx: inner, asking: answers.ask(asked.path), old };
      return next(req, inner).then(
        (res) => {
          answers.arrived(sent.asking);
          if (confirms(res, validators)) {
            binding.discard(res);
            const made = keeper.unchanged(sent, res);
            if (made === undefined) {
              ctx.note({ waited: true });
              return ask(req, ctx, asked);
            }
            learn(ctx, inner, clock.now());
            return give(req, ctx, 'revalidated', made);
          }
          keeper.came(sent, res);
          inner.note({ cache: 'miss' });
          learn(ctx, inner, clock.now());
          if (keeper.insteadOf(http.status(res), sent)) {
            binding.discard(res);
            return give(req, ctx, 'stale', keeper.giving(old));
          }
          told(ctx, 'miss');
          ctx.endWith(inner);
          return res;
        },
        (error: unknown) => {
          answers.arrived(sent.asking);
          inner.end(error);
          learn(ctx, inner, clock.now());
          if (answerable(error, ctx) && keeper.insteadOf(AN_ERROR, sent))
            return give(req, ctx, 'stale', keeper.giving(old));
          told(ctx, 'miss');
          throw error;
        },
      );
    };

    /** Asks after an old answer beside the call that got it: once, and as what matters least. */
    const refresh = (req: Req, ctx: Context, asked: Asked, old: KeptAnswer, validators: readonly string[]): void => {
      if (old.refreshing) return;
      old.refreshing = true;
      const call = ctx.another(target, clock.now());
      call.note({ made: true });
      call.maxAttempts = 1;
      call.priority = 'sheddable';
      // Whoever waits for the call does not wait for this.
      call.deadline = Number.POSITIVE_INFINITY;
      call.headers.push(...validators);
      const sent: Sent = { asked, ctx: call, asking: answers.ask(asked.path), old };
      const over = () => {
        answers.arrived(sent.asking);
        old.refreshing = false;
      };
      next(req, call).then(
        (res) => {
          over();
          if (confirms(res, validators)) keeper.unchanged(sent, res);
          else keeper.came(sent, res);
          http.drain(res);
        },
        (error: unknown) => {
          over();
          call.end(error);
        },
      );
    };

    return (req, ctx) => {
      if (!changesNothing(ctx)) return change(req, ctx);
      const asked = askedOf(req, ctx);
      if (asked === undefined) return next(req, ctx);
      const control = directivesOf(asked.headers['cache-control']);
      if (ctx.noted.cache === 'bypass' || control.has('no-store') || OWN_WAY.some((name) => name in asked.headers)) {
        told(ctx, 'bypass');
        return next(req, ctx);
      }
      if (ctx.cancelled !== undefined) return Promise.reject(ctx.cancelled);
      const found = keeper.find(asked);
      const onlyKept = control.has('only-if-cached');
      const none = () => Promise.resolve(give(req, ctx, 'miss', NOT_KEPT));
      if (found === undefined) return onlyKept ? none() : ask(req, ctx, asked);
      const { kept, standing } = found;
      if (standing.is === 'doubtful') return onlyKept ? none() : validate(req, ctx, asked, kept, standing.validators);
      if (standing.is === 'fresh') return Promise.resolve(give(req, ctx, 'hit', keeper.giving(kept)));
      if (standing.refresh !== undefined && !onlyKept) refresh(req, ctx, asked, kept, standing.refresh);
      return Promise.resolve(give(req, ctx, 'stale', keeper.giving(kept)));
    };
  };
}

/** Whether something in the place of an error helps. */
function answerable(error: unknown, ctx: Context): boolean {
  return ctx.cancelled === undefined && error instanceof MeshError && !OWN.has(error.code);
}
