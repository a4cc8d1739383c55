import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TraceContext } from '../../src/core/trace-context.ts';
import { formatTraceparent, parseBaggage, parseTraceContext } from '../../src/telemetry/w3c.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${spanId}-01`;

test('a valid traceparent and tracestate are read', () => {
  expect(parseTraceContext({ traceparent, tracestate: 'a=1,b=2' })).toEqual({
    traceId,
    spanId,
    flags: 1,
    state: 'a=1,b=2',
  });
});

test.each([
  ['missing', undefined],
  ['empty', ''],
  ['no trace at all', 'hello'],
  ['an all-zero trace id', `00-${'0'.repeat(32)}-${spanId}-01`],
  ['an all-zero span id', `00-${traceId}-${'0'.repeat(16)}-01`],
  ['the forbidden version ff', `ff-${traceId}-${spanId}-01`],
  ['upper-case digits', `00-${traceId.toUpperCase()}-${spanId}-01`],
  ['digits that are not hexadecimal', `00-${traceId.slice(1)}g-${spanId}-01`],
  ['an id that is too short', `00-${traceId.slice(1)}-${spanId}-01`],
  ['no flags', `00-${traceId}-${spanId}`],
  ['more than version 00 has', `${traceparent}-more`],
  ['a later version without a dash before what it adds', `01-${traceId}-${spanId}-01more`],
  ['two lines', `${traceparent}, ${traceparent}`],
  ['a line break after it', `${traceparent}\n`],
])('a traceparent is ignored when it is: %s (F108)', (_, value) => {
  expect(parseTraceContext({ traceparent: value, tracestate: 'a=1' })).toBe(undefined);
});

test.each([
  ['00', '00', 0],
  ['00', '02', 2],
  ['00', 'ff', 3],
  ['01', 'ff', 1],
  ['cc', '00', 0],
])('of version %s with flags %s only the flags known to it are kept', (version, flags, kept) => {
  expect(parseTraceContext({ traceparent: `${version}-${traceId}-${spanId}-${flags}` })?.flags).toBe(kept);
});

test('a later version is read as far as version 00 goes, and passed on as version 00', () => {
  const trace = parseTraceContext({ traceparent: `01-${traceId}-${spanId}-01-what-comes-later` });
  expect(trace && formatTraceparent(trace)).toBe(traceparent);
});

const members = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=v`).join(',');

test.each([
  ['32 members', members(32), true],
  ['33 members', members(33), false],
  ['512 characters', `a=${'x'.repeat(510)}`, true],
  ['513 characters', `a=${'x'.repeat(511)}`, false],
  ['a line break', 'a=1\r\nset-cookie: x', false],
  ['a NUL', 'a=\0', false],
  ['a letter outside ASCII', 'a=é', false],
])('a tracestate with %s is kept: %s (F106, F108)', (_, tracestate, kept) => {
  expect(parseTraceContext({ traceparent, tracestate })?.state).toBe(kept ? tracestate : '');
});

test.each([
  ['64 members', members(64), true],
  ['65 members', members(65), false],
  ['8,192 bytes', `a=${'x'.repeat(8_190)}`, true],
  ['8,193 bytes', `a=${'x'.repeat(8_191)}`, false],
  ['half a million members', ','.repeat(500_000), false],
  [
    '80 lines that are too much together',
    Array(80)
      .fill(`a=${'x'.repeat(120)}`)
      .join(', '),
    false,
  ],
  ['a line break', 'a=1\nb=2', false],
  ['a line separator', 'a=\u2028', false],
  ['half of a surrogate pair', 'a=\ud800', false],
])('a baggage with %s is kept: %s (F106, F108)', (_, baggage, kept) => {
  expect(parseBaggage(baggage)).toBe(kept ? baggage : '');
});

test('whatever the headers are, reading them never throws and gives what a header can carry', () => {
  const value = fc.option(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme', maxLength: 600 }),
      fc.constant(traceparent),
      fc.stringMatching(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/),
      fc.array(fc.string(), { maxLength: 80 }).map((parts) => parts.join(',')),
    ),
    { nil: undefined },
  );
  fc.assert(
    fc.property(value, value, value, (parent, tracestate, baggage) => {
      const trace = parseTraceContext({ traceparent: parent, tracestate });
      for (const out of [parseBaggage(baggage), ...(trace ? written(trace) : [])]) {
        expect(out).toMatch(/^[\t\x20-\x7e]*$/);
        new Headers({ out });
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what is written is read back the same', () => {
  const flags = fc.integer({ min: 0, max: 3 });
  const id = (length: number) =>
    fc.string({ unit: fc.constantFrom(...'123456789abcdef'), minLength: length, maxLength: length });
  fc.assert(
    fc.property(id(32), id(16), flags, (traceId, spanId, flags) => {
      const trace = { traceId, spanId, flags, state: '' };
      expect(parseTraceContext({ traceparent: formatTraceparent(trace) })).toEqual(trace);
    }),
  );
});

function written(trace: TraceContext): readonly string[] {
  return [formatTraceparent(trace), trace.state];
}
