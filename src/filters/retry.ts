import pRetry from 'p-retry';
import { MOST_REFUSALS } from '../balancer/soft-nack.ts';
import { fullJitter } from '../core/backoff.ts';
import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { isMeshError, MeshError, RefusedError, softlyRefused } from '../core/errors.ts';
import type { Filter, Scope } from '../core/filter.ts';
import type { NotRetried } from '../core/not-retried.ts';
import type { Service } from '../core/service.ts';
import { sleep } from '../core/sleep.ts';
import { failed } from '../core/verdict.ts';
import type { FailureRun } from './failure-run.ts';
import { retryAfterMs } from './retry-after.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { ResolvedRetry } from './retry-options.ts';

/** Whether an endpoint is up that a call has not tried. Asked seldom, so that it may look at many. */
export type Elsewhere = (call: Context, now: number) => boolean;

interface RetryParts<Req, Res> {
  readonly budget: RetryBudget;
  /** Of the same calls as the budget. */
  readonly failures: FailureRun;
  readonly binding: Binding<Req, Res>;
  readonly elsewhere: Elsewhere;
}

/** How an attempt ended that may be followed by another. */
type Outcome<Res> = { readonly attempt: Context } & ({ readonly res: Res } | { readonly error: unknown });

/**
 * Sends again what may be sent again: at most `attempts` times in all, within the budget of the service and the deadline of the call.
 *
 * An attempt that a busy server refused because it was asked to is no failure: another follows at once, and neither `attempts` nor the
 * budget is charged.
 *
 * The first attempt pays nothing for this. Retries never wrap: the last outcome leaves as it is. Whoever makes an attempt ends it when it
 * fails; one that is answered ends with its body.
 */
export function retry<Req, Res>(options: ResolvedRetry, parts: RetryParts<Req, Res>): Filter<Req, Res> {
  const { budget, failures } = parts;
  return (next, scope) => {
    const { clock } = scope;
    const again = retries(next, options, parts, scope);
    return (req, ctx) => {
      budget.deposit(ctx.startedAt);
      // Where nothing held the call up, its first attempt starts with it.
      const attempt = ctx.fork(ctx.held || ctx.noted.waited === true ? clock.now() : ctx.startedAt);
      return next(req, attempt).then(
        (res) => {
          const heard = attempt.noted.standIn ?? attempt;
          if (heard.verdict === 'retryable') return again(req, ctx, { attempt: heard, res });
          failures.answered();
          return deliver(ctx, heard, res);
        },
        (error: unknown) => {
          const heard = attempt.noted.standIn ?? attempt;
          heard.end(error);
          return again(req, ctx, { attempt: heard, error });
        },
      );
    };
  };
}

function retries<Req, Res>(
  next: Service<Req, Res>,
  options: ResolvedRetry,
  { budget, failures, binding, elsewhere }: RetryParts<Req, Res>,
  { clock, random, metrics, target }: Scope,
): (req: Req, ctx: Context, first: Outcome<Res>) => Promise<Res> {
  const backoff = fullJitter(options.baseMs, options.maxMs, random);
  const granted = metrics.counter('retries', { service: target });
  const passedOn = metrics.counter('busy_refusals', { service: target });

  /** The pause that whoever answered asks for. A refusal speaks for one instance: it keeps nobody from another. */
  const pauseOf = (ctx: Context, outcome: Outcome<Res>): string | undefined => {
    if ('res' in outcome) return binding.header?.(outcome.res, 'retry-after');
    if (!(outcome.error instanceof RefusedError) || outcome.error.retryAfter === undefined) return undefined;
    return elsewhere(ctx, clock.now()) ? undefined : outcome.error.retryAfter;
  };

  /** How long to wait before another attempt, or why there is to be none. Takes from the budget when it says how long. */
  const decide = (ctx: Context, outcome: Outcome<Res>): number | NotRetried => {
    const { attempt } = outcome;
    // Only the layer next to the failure retries: what failed there would fail there again. It comes first, so that whoever is above hears of it even where this
    // layer may not retry.
    if ('res' in outcome && binding.header?.(outcome.res, 'mesh-retried') !== undefined) return 'already-retried';
    const busy = 'error' in outcome && softlyRefused(outcome.error);
    if (!busy && attempt.counted >= Math.min(options.attempts, ctx.maxAttempts ?? options.attempts)) return 'attempts';
    const resend = resendOf(outcome, ctx);
    if (resend === 'never') return 'resend';
    if (!ctx.replayable) return 'body';
    if (ctx.retried && resend !== 'safe') return 'already-retried';
    // A server that was not reached, or refused, need not be spared; only one that asked for a pause or may be in trouble.
    const asked = retryAfterMs(pauseOf(ctx, outcome), clock.wall());
    if (asked === 'too-long') return 'retry-after';
    const waitMs = asked ?? (resend === 'safe' ? 0 : backoff(attempt.counted - 1));
    const now = clock.now();
    const leftMs = ctx.deadline - now - waitMs;
    if (busy) return leftMs > 0 ? waitMs : 'deadline';
    // Whoever handed the deadline down would give up before it heard that it was retried here, and retry by itself. If it hears of the failure now, it has more
    // time for the same: that is then the retry that is paid for. It does not know of a pause that a server asked for.
    const handed = ctx.limitedBy === 'request';
    const short = leftMs <= 0 || (handed && leftMs <= attempt.finishedAt - attempt.startedAt);
    const left = short && handed && attempt.counted === 1 && (asked ?? 0) === 0;
    if (short && !left) return 'deadline';
    if (failures.long) return 'outage';
    if (!budget.withdraw(now)) return 'budget';
    return left ? 'left-to-caller' : waitMs;
  };

  /** Prepares another attempt: frees the response that nobody will see, and waits. False when there is to be none. */
  const prepare = async (ctx: Context, outcome: Outcome<Res>): Promise<boolean> => {
    const { attempt } = outcome;
    if (failed(attempt.verdict)) failures.failed(attempt.startedAt, clock.now());
    if (ctx.cancelled !== undefined) return false;
    const decision = decide(ctx, outcome);
    if (typeof decision === 'string') {
      ctx.note({ notRetried: decision });
      metrics.counter('retries_refused', { service: target, reason: decision }).add();
      return false;
    }
    if ('error' in outcome && softlyRefused(outcome.error)) {
      ctx.refusals++;
      passedOn.add();
    } else {
      granted.add();
    }
    if ('res' in outcome) binding.discard(outcome.res);
    if (decision > 0) await sleep(clock, decision, ctx);
    return true;
  };

  return async (req, ctx, first) => {
    if (!(await prepare(ctx, first))) return settle(ctx, first);
    let last = first;
    const send = async (): Promise<Res> => {
      const attempt = ctx.fork(clock.now());
      try {
        const res = await next(req, attempt);
        if (attempt.verdict !== 'retryable') {
          failures.answered();
          return deliver(ctx, attempt, res);
        }
        last = { attempt, res };
      } catch (error) {
        attempt.end(error);
        last = { attempt, error };
      }
      throw new Unsettled();
    };
    try {
      return await pRetry(send, {
        retries: options.attempts + MOST_REFUSALS, // more than there can be: `prepare` counts
        minTimeout: 0,
        shouldRetry: () => prepare(ctx, last),
      });
    } catch (error) {
      if (!(error instanceof Unsettled)) throw error;
      return settle(ctx, last);
    }
  };
}

/** Tells p-retry that an attempt is not the last word; it never leaves this file. */
class Unsettled extends MeshError {
  constructor() {
    super('MESH_TRANSPORT', 'not settled', { resend: 'never', stack: false });
  }
}

function resendOf(outcome: Outcome<unknown>, ctx: Context): 'safe' | 'idempotent' | 'never' {
  const resend = 'res' in outcome ? 'idempotent' : isMeshError(outcome.error) ? outcome.error.resend : 'never';
  return resend === 'idempotent' && !ctx.idempotent ? 'never' : resend;
}

function settle<Res>(ctx: Context, outcome: Outcome<Res>): Res {
  if ('res' in outcome) return deliver(ctx, outcome.attempt, outcome.res);
  ctx.verdict = outcome.attempt.verdict;
  const { attempt, endpoint } = outcome.attempt;
  // An attempt that found nobody to call sent nothing.
  if (outcome.error instanceof MeshError) {
    outcome.error.attempts = endpoint === undefined ? attempt - 1 : attempt;
    outcome.error.notRetried = ctx.noted.notRetried;
  }
  throw outcome.error;
}

/** Makes the outcome of an attempt that of the call; the call then ends when the attempt does. */
function deliver<Res>(ctx: Context, attempt: Context, res: Res): Res {
  ctx.verdict = attempt.verdict;
  ctx.endpoint = attempt.endpoint;
  // Nothing holds a response up on its way from here but a filter of the application, and a reading of the clock costs as much as a filter.
  if (!ctx.held) ctx.finishedAt = attempt.finishedAt;
  ctx.endWith(attempt);
  return res;
}
