import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Ambient } from '../core/ambient.ts';
import { parsePriority } from '../core/priority.ts';
import { parseBaggage, parseTraceContext } from '../telemetry/w3c.ts';

/** A caller keeps bodies up to this size while it sends them. */
const MOST_KEPT_BYTES = 64 * 1024;
const PLAIN_NUMBER = /^-?\d{1,15}(\.\d{1,15})?$/;

/** What a request says in headers that mean the same for every server. */
export function said(headers: IncomingHttpHeaders): Pick<Ambient, 'trace' | 'baggage' | 'retried' | 'priority'> {
  const priority = parsePriority(one(headers, 'mesh-priority'), one(headers, 'mesh-caller') !== undefined);
  return {
    trace: parseTraceContext({ traceparent: one(headers, 'traceparent'), tracestate: one(headers, 'tracestate') }),
    baggage: parseBaggage(one(headers, 'baggage')),
    retried: plainNumber(one(headers, 'mesh-attempt')) > 1,
    priority: priority === 'default' ? undefined : priority,
  };
}

/** A header by its lower-case name. Node makes a list of `set-cookie` only; the type does not know which. */
export function one(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The service of `service` or `service;instance`. */
export function serviceOf(target: string): string {
  const end = target.indexOf(';');
  return end < 0 ? target : target.slice(0, end);
}

/** A number written in plain digits; NaN for everything else. */
export function plainNumber(value: string | undefined): number {
  return value !== undefined && PLAIN_NUMBER.test(value) ? Number(value) : Number.NaN;
}

/** Whether whoever sent the request can send it again: a longer body, or one that comes as a stream, may be gone. */
export function keptByCaller({ headers, method, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers['content-length'];
  if (length !== undefined) return Number(length) <= MOST_KEPT_BYTES;
  // HTTP/2 needs no header to announce a body.
  return httpVersionMajor === 1 ? headers['transfer-encoding'] === undefined : method === 'GET' || method === 'HEAD';
}
