import { ambient } from '../core/ambient.ts';
import type { Binding } from '../core/binding.ts';
import { Context } from '../core/context.ts';
import { CancelledError } from '../core/errors.ts';
import { parseTraceContext } from '../telemetry/w3c.ts';
import type { Parts } from './parts.ts';
import type { Target } from './target.ts';

/**
 * The root context of a call: with the trace, the deadline, the priority and the names of the request that it is made for, the limits of the calls that it is one of, cancelled when the client of
 * that request goes away, and with the caller's signal tied to it by one listener that is removed when the call ends. A trace that the caller wrote on its
 * request counts where there is no other.
 */
export function startCall<Req>(
  parts: Parts,
  target: Target,
  binding: Pick<Binding<Req, never>, 'describe'>,
  req: Req,
  signal?: AbortSignal | null,
): Context {
  const description = binding.describe(req);
  const ctx = new Context(target.service, description, parts.clock.now());
  target.unread.made(ctx, startCall);
  const inbound = ambient();
  if (inbound !== undefined) {
    ctx.trace = inbound.trace;
    ctx.baggage = inbound.baggage;
    ctx.deadline = inbound.deadline;
    ctx.limitedBy = inbound.limitedBy ?? 'request';
    ctx.maxAttempts = inbound.attempts;
    ctx.retried = inbound.retried;
    ctx.priority = inbound.priority;
    inbound.request?.follow(ctx);
    if (inbound.names !== undefined) ctx.headers.push('mesh-names', inbound.names.header);
  }
  if (ctx.trace === undefined && description.traceparent !== undefined) ctx.trace = parseTraceContext(description);
  if (signal !== undefined && signal !== null) follow(ctx, signal);
  return ctx;
}

function follow(ctx: Context, signal: AbortSignal): void {
  const cancel = () => ctx.cancel(new CancelledError(ctx.target, signal.reason));
  if (signal.aborted) {
    cancel();
    return;
  }
  signal.addEventListener('abort', cancel, { once: true });
  ctx.onEnd(() => signal.removeEventListener('abort', cancel));
}
