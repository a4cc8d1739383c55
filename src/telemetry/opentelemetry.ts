import { hasMethods } from '../core/check.ts';

/**
 * The part of `@opentelemetry/api` that the mesh uses. Declared here and not imported, so that an application without OpenTelemetry can
 * compile against the mesh; that the real one fits is checked by a test.
 */
export interface OpenTelemetry {
  readonly context: { active(): object };
  readonly trace: {
    getTracer(name: string): OpenTelemetryTracer;
    getSpanContext(context: object): OpenTelemetrySpanContext | undefined;
    setSpanContext(context: object, spanContext: OpenTelemetrySpanContext): object;
    setSpan(context: object, span: OpenTelemetrySpan): object;
  };
  readonly SpanKind: { readonly CLIENT: number };
  readonly SpanStatusCode: { readonly ERROR: number };
  isSpanContextValid(spanContext: OpenTelemetrySpanContext): boolean;
  createTraceState(raw?: string): OpenTelemetryTraceState;
}

export interface OpenTelemetryTracer {
  startSpan(
    name: string,
    options: { readonly kind?: number; readonly attributes: Readonly<Record<string, string | number>> },
    context: object | undefined,
  ): OpenTelemetrySpan;
}

export interface OpenTelemetrySpan {
  spanContext(): OpenTelemetrySpanContext;
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(): void;
}

export interface OpenTelemetrySpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean | undefined;
  readonly traceState?: OpenTelemetryTraceState | undefined;
}

interface OpenTelemetryTraceState {
  serialize(): string;
}

/** Whether it has what the mesh uses. The default export of the package has not. */
export function isOpenTelemetry(value: unknown): value is OpenTelemetry {
  if (!hasMethods(value, ['isSpanContextValid', 'createTraceState'])) return false;
  const { context, trace }: Partial<OpenTelemetry> = value;
  return (
    hasMethods(context, ['active']) && hasMethods(trace, ['getTracer', 'getSpanContext', 'setSpanContext', 'setSpan'])
  );
}
