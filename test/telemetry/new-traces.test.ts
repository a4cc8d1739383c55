import { expect, test } from 'vitest';
import { newTraces } from '../../src/telemetry/new-traces.ts';
import { formatTraceparent, parseTraceContext } from '../../src/telemetry/w3c.ts';
import { seededRandom } from '../../src/testing/entry.ts';

test('a new trace is what its header is read as', () => {
  const newTrace = newTraces(seededRandom(1));
  for (let i = 0; i < 100; i++) {
    const trace = newTrace();
    const { traceId, spanId, flags, state } = trace;
    expect({ traceId, spanId, flags, state }).toEqual(parseTraceContext({ traceparent: formatTraceparent(trace) }));
    expect(JSON.parse(JSON.stringify(trace))).toEqual({ traceId, spanId, flags: 0, state: '' });
  }
});

test.each([0, 1 - Number.EPSILON, 0.5])('its ids are ones, whatever chance says (%d)', (chance) => {
  const newTrace = newTraces(() => chance);
  for (let i = 0; i < 100; i++) {
    expect(parseTraceContext({ traceparent: formatTraceparent(newTrace()) })).toBeDefined();
  }
});

test('ten thousand traces are all different, and each digit of an id takes each value', () => {
  const newTrace = newTraces(seededRandom(1));
  const traces = Array.from({ length: 10_000 }, newTrace);
  for (const ids of [traces.map(({ traceId }) => traceId), traces.map(({ spanId }) => spanId)]) {
    expect(new Set(ids).size).toBe(10_000);
    for (let at = 0; at < (ids[0]?.length ?? 0) - 1; at++) expect(new Set(ids.map((id) => id[at])).size).toBe(16);
    expect(new Set(ids.map((id) => id.at(-1))).size).toBe(8);
  }
});
