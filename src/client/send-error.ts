import type { Context } from '../core/context.ts';
import { ConnectError, TransportError } from '../core/errors.ts';

/** What of the system fails before there is a connection, and so before anything was sent. */
const CONNECTING = new Set(['connect', 'getaddrinfo']);

/** Codes that say the same. Those of the system do not: a connection that stood can also find that its host is out of reach. */
const NOT_CONNECTED = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED', // the pool was closed before it took the request: its endpoint left
]);

/** Codes of a connection that broke, or of an answer that was none, when part of the request may have been worked on. */
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'UND_ERR_SOCKET',
  'UND_ERR_DESTROYED',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_INFO', // a connection of HTTP/2 that was given up, by either side
  'ERR_HTTP2_ERROR', // what answers does not speak it
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_TOO_MANY_INVALID_FRAMES', // a server that floods
]);

/**
 * What an error of Node or undici means for sending again. A cancelled attempt fails with the reason for that; an error of a kind that is
 * not known here (an invalid header of the caller's, say) stays what it is and counts against nobody.
 */
export function sendError(error: unknown, ctx: Context): unknown {
  if (ctx.cancelled !== undefined) return ctx.cancelled;
  const { code, syscall, name, refused } = factsOf(isFetchFailure(error) ? error.cause : error);
  const { target, endpoint } = ctx;
  // Who answers is not who was meant, or cannot prove it: nothing of the request was sent.
  const unproven = /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/.test(code);
  if (NOT_CONNECTED.has(code) || CONNECTING.has(syscall) || unproven)
    return new ConnectError(target, endpoint?.id, error);
  if (refused) return new TransportError(target, endpoint?.id, error, 'safe');
  // undici's error about an answer that is no HTTP has a name and no code.
  if (BROKEN.has(code) || /^(HPE_|ERR_SSL_|EPROTO$)/.test(code) || name === 'HTTPParserError')
    return new TransportError(target, endpoint?.id, error);
  return error;
}

/** fetch says only that it failed; its cause says why. */
export function isFetchFailure(error: unknown): error is TypeError {
  return error instanceof TypeError && error.cause !== undefined;
}

interface Facts {
  readonly code: string;
  /** What of the system failed, where Node says so. */
  readonly syscall: string;
  readonly name: string;
  /** Whether a server of HTTP/2 refused it, which says that nothing was done. */
  readonly refused: boolean;
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { code: '', syscall: '', name: '', refused: false };
  if (error instanceof AggregateError && error.errors.length > 0) return factsOf(error.errors[0]);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const syscall = 'syscall' in error && typeof error.syscall === 'string' ? error.syscall : '';
  const refused = code === 'ERR_HTTP2_STREAM_ERROR' && error.message.includes('NGHTTP2_REFUSED_STREAM');
  return { code, syscall, name: error.name, refused };
}
