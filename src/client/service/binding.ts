import type { Binding } from '../../core/binding.ts';
import type { Clock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { TransportError } from '../../core/errors.ts';
import type { OwnAnswer } from '../../core/own-answer.ts';
import type { Verdict } from '../../core/verdict.ts';
import { sendError } from '../send-error.ts';
import type { Asking } from './asking.ts';
import { type Attempt, SentAttempt } from './attempt.ts';
import type { SendOutcome } from './send-options.ts';

/** Makes one attempt at the endpoint that was picked. What it throws or rejects with is the error of the attempt. */
export type Send<Req, Res> = (request: Req, attempt: Attempt) => Promise<Res>;

/** Calls through any asynchronous function. An attempt is over when its promise is settled. */
export function sendBinding<Req, Res>(
  send: Send<Req, Res>,
  asking: Asking<Req, Res>,
  answer: OwnAnswer<Req, Res> | undefined,
  clock: Clock,
): Binding<Req, Res> {
  const { responseHeader } = asking;
  return {
    name: 'service',
    bodiless: true,
    describe: (req) => ({ operation: asking.operation(req), idempotent: asking.idempotent(req) }),
    async send(req, ctx) {
      let res: Res;
      try {
        res = await send(req, new SentAttempt(ctx, clock));
      } catch (error) {
        throw meaningOf(error, ctx, asking);
      }
      ctx.end();
      return res;
    },
    requestHeader: (req, name) => asking.header(req, name),
    // A server of the mesh that refused says so in words of the mesh, which `classify` need not know.
    verdict: (response) =>
      responseHeader?.(response, 'mesh-nack') === undefined ? verdictOn(asking.classify({ response })) : 'retryable',
    ...(responseHeader && { header: responseHeader }),
    discard: (res) => asking.discard(res),
    answer,
  };
}

function verdictOn(said: ReturnType<Asking<never, never>['classify']>): Verdict {
  return said === 'nack' ? 'retryable' : (said ?? 'success');
}

/** The error as the mesh understands it. Whoever called gets the one that was thrown. */
function meaningOf<Req, Res>(error: unknown, ctx: Context, { classify }: Asking<Req, Res>): unknown {
  if (ctx.cancelled !== undefined) return ctx.cancelled;
  const outcome: SendOutcome<Res> = { error };
  const said = classify(outcome);
  switch (said) {
    case undefined:
      return sendError(error, ctx);
    case 'nack':
      return new TransportError(ctx.target, ctx.endpoint?.id, error, 'safe');
    case 'retryable':
      return new TransportError(ctx.target, ctx.endpoint?.id, error);
    case 'failure':
      return new TransportError(ctx.target, ctx.endpoint?.id, error, 'never');
    case 'success':
    case 'ignorable':
      ctx.verdict = said;
      return error;
  }
}
