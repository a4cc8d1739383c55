import type { TraceContext } from '../core/trace-context.ts';

/**
 * The W3C trace context and baggage as they stand in headers. What comes in is not trusted: each value either leaves here as one that a
 * header can carry, or is dropped. Nothing throws, so that a bad header never fails a good call.
 */

/** The two headers, as they came: several lines of one header joined by commas, as Node does. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const MAX_STATE_MEMBERS = 32;
const MAX_STATE_CHARS = 512;
const MAX_BAGGAGE_MEMBERS = 64;
const MAX_BAGGAGE_CHARS = 8_192;
/** Flags that version 00 gives a meaning (recorded, random id); all others must not be passed on. */
const KNOWN_FLAGS = 0b11;
const RECORDED = 0b01;
/** Every byte as two hex digits. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** What a header can carry everywhere: visible ASCII, spaces and tabs. One byte each, so characters count bytes. */
const LEGAL = /^[\t\x20-\x7e]*$/;

/**
 * The trace that a request came with. `undefined` without a valid `traceparent`: the request then begins a trace of its own, and its
 * `tracestate` means nothing. A version above 00 is read as far as version 00 goes; `ff` is none.
 *
 * A `tracestate` of more than 32 members or 512 characters is dropped whole, since a part of it may say the opposite.
 */
export function parseTraceContext(headers: TraceHeaders): TraceContext | undefined {
  const match = TRACEPARENT.exec(headers.traceparent ?? '');
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  if (version === '00' && rest !== undefined) return undefined;
  return {
    traceId,
    spanId,
    flags: Number.parseInt(flags, 16) & (version === '00' ? KNOWN_FLAGS : RECORDED),
    state: bounded(headers.tracestate, MAX_STATE_MEMBERS, MAX_STATE_CHARS),
  };
}

/**
 * `baggage` as it came; empty when it is missing, carries what no header can, or has more than 64 members or 8,192 bytes over all its
 * lines. It travels with or without a trace.
 */
export function parseBaggage(value: string | undefined): string {
  return bounded(value, MAX_BAGGAGE_MEMBERS, MAX_BAGGAGE_CHARS);
}

/** The `traceparent` of a trace, always as version 00. */
export function formatTraceparent(trace: TraceContext): string {
  return trace.traceparent ?? `00-${trace.traceId}-${trace.spanId}-${BYTES[trace.flags & 0xff]}`;
}

/** The value if it is legal and within its bounds, else nothing. Empty members are allowed, and count. */
function bounded(value: string | undefined, maxMembers: number, maxChars: number): string {
  if (value === undefined || value.length > maxChars || !LEGAL.test(value)) return '';
  let members = 1;
  for (let comma = value.indexOf(','); comma >= 0; comma = value.indexOf(',', comma + 1)) members++;
  return members > maxMembers ? '' : value;
}
