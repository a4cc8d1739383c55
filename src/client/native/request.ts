import { Readable } from 'node:stream';
import { isUint8Array } from 'node:util/types';
import { ConfigError } from '../../core/errors.ts';
import type { CallLimits } from '../call-limits.ts';
import { idempotentMethod } from '../idempotent.ts';
import { ownHeader } from '../own-header.ts';

/** Options of one call. Limits may only be narrower than what the service is configured with. */
export interface RequestOptions extends CallLimits {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Added to the path, encoded; `undefined` values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** What to send. A stream is sent once: with its first byte gone, the call cannot be retried. */
  readonly body?: string | Uint8Array | Readable | AsyncIterable<Uint8Array> | undefined;
  /** Sent as JSON; `content-type` is set unless the headers have one. Not together with `body`. */
  readonly json?: unknown;
  /** That running it twice does no harm, for a method of which that is not known. */
  readonly idempotent?: boolean | undefined;
}

/** A request as the binding sends it, the same for each of its attempts. */
export interface NativeRequest {
  readonly method: string;
  readonly path: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: string | Uint8Array | Readable | undefined;
  readonly idempotent: boolean;
  /** Trace headers of the caller; the mesh writes its own in their place. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

const NONE: readonly string[] = [];
const PATH = /^\/[\x21-\x7e]*$/;

/** Puts a request together; throws a `ConfigError` for what cannot be sent. */
export function nativeRequest(method: string, path: string, options: RequestOptions | undefined): NativeRequest {
  const full = options?.query === undefined ? path : withQuery(path, options.query);
  if (!PATH.test(full))
    throw new ConfigError(
      `path must begin with "/" and hold only visible ASCII (encode the rest), not '${full.slice(0, 80)}'`,
    );
  if (options === undefined)
    return { method, path: full, headers: NONE, body: undefined, idempotent: idempotentMethod(method) };

  const headers: string[] = [];
  let keyed = false;
  let typed = false;
  let traceparent: string | undefined;
  let tracestate: string | undefined;
  for (const name in options.headers) {
    const value = options.headers[name];
    if (value === undefined) continue;
    if (ownHeader(name)) {
      if (/^traceparent$/i.test(name)) traceparent = value;
      if (/^tracestate$/i.test(name)) tracestate = value;
      continue;
    }
    headers.push(name, value);
    keyed ||= /^idempotency-key$/i.test(name);
    typed ||= /^content-type$/i.test(name);
  }
  if (options.json !== undefined && options.body !== undefined)
    throw new ConfigError('a call takes body or json, not both');
  if (options.json !== undefined && !typed) headers.push('content-type', 'application/json');
  return {
    method,
    path: full,
    headers,
    body: options.json === undefined ? bodyOf(options.body) : JSON.stringify(options.json),
    idempotent: options.idempotent ?? (keyed || idempotentMethod(method)),
    traceparent,
    tracestate,
  };
}

function withQuery(path: string, query: NonNullable<RequestOptions['query']>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.append(name, String(value));
  const text = params.toString();
  if (text === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${text}`;
}

function bodyOf(body: RequestOptions['body']): NativeRequest['body'] {
  if (body === undefined || typeof body === 'string' || isUint8Array(body) || body instanceof Readable) return body;
  return Readable.from(body, { objectMode: false });
}
