import type { OpenTelemetry } from '../../src/telemetry/opentelemetry.ts';

/** An OpenTelemetry that puts the attributes of each span into a list. */
export function recordingSpans(spans: Record<string, unknown>[]): OpenTelemetry {
  const spanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  return {
    context: { active: () => ({}) },
    trace: {
      getTracer: () => ({
        startSpan: (_name, { attributes }) => {
          const set: Record<string, unknown> = { ...attributes };
          spans.push(set);
          return {
            spanContext: () => spanContext,
            setAttribute: (name, value) => (set[name] = value),
            setStatus: () => {},
            end: () => {},
          };
        },
      }),
      getSpanContext: () => undefined,
      setSpanContext: (context) => context,
      setSpan: (context) => context,
    },
    SpanKind: { CLIENT: 2 },
    SpanStatusCode: { ERROR: 2 },
    isSpanContextValid: () => true,
    createTraceState: (raw = '') => ({ serialize: () => raw }),
  };
}
