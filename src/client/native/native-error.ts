import type { Context } from '../../core/context.ts';
import { ConfigError } from '../../core/errors.ts';
import { sendError } from '../send-error.ts';

/** Errors of streams that were being sent: not the endpoint's doing, whatever their code says. */
const ofBodies = new WeakSet<object>();

/** Remembers that the body of a request failed by itself. */
export function bodyFailed(error: unknown): void {
  if (typeof error === 'object' && error !== null) ofBodies.add(error);
}

/** What an error of undici means for sending again; what undici refuses to send at all is a mistake of the caller. */
export function nativeError(error: unknown, ctx: Context): unknown {
  if (ctx.cancelled === undefined && error instanceof Error && ofBodies.has(error)) return error;
  const met = sendError(error, ctx);
  return met instanceof Error &&
    'code' in met &&
    (met.code === 'UND_ERR_INVALID_ARG' || met.code === 'UND_ERR_NOT_SUPPORTED')
    ? new ConfigError(`the call to '${ctx.target}' cannot be sent: ${met.message}`)
    : met;
}
