import type { Context } from '../core/context.ts';
import { ConnectError, TransportError } from '../core/errors.ts';

/** Codes that say that no connection was made, so that nothing of the request was sent. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Codes of a connection that broke, or of an answer that was none, when part of the request may have been worked on. */
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_HEADERS_OVERFLOW',
]);

/**
 * What an error of Node or undici means for sending again. A cancelled attempt fails with the reason for that; an error of a kind that is
 * not known here (an invalid header of the caller's, say) stays what it is and counts against nobody.
 */
export function sendError(error: unknown, ctx: Context): unknown {
  if (ctx.cancelled !== undefined) return ctx.cancelled;
  const code = codeOf(isFetchFailure(error) ? error.cause : error);
  const { target, endpoint } = ctx;
  if (NOT_CONNECTED.has(code)) return new ConnectError(target, endpoint?.id, error);
  if (BROKEN.has(code) || code.startsWith('HPE_')) return new TransportError(target, endpoint?.id, error);
  return error;
}

/** fetch says only that it failed; its cause says why. */
export function isFetchFailure(error: unknown): error is TypeError {
  return error instanceof TypeError && error.cause !== undefined;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error instanceof AggregateError && error.errors.length > 0 && !('code' in error)) return codeOf(error.errors[0]);
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
