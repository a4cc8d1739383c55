import type { Context } from '../../core/context.ts';
import { ConfigError } from '../../core/errors.ts';
import { sendError } from '../send-error.ts';

/** What an error of undici means for sending again; what undici refuses to send at all is a mistake of the caller. */
export function nativeError(error: unknown, ctx: Context): unknown {
  const met = sendError(error, ctx);
  return met instanceof Error && 'code' in met && met.code === 'UND_ERR_INVALID_ARG'
    ? new ConfigError(`the call to '${ctx.target}' cannot be sent: ${met.message}`)
    : met;
}
