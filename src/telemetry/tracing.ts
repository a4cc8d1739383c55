import type { Context } from '../core/context.ts';
import { messageOf } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { TraceContext } from '../core/trace-context.ts';
import { newTraces } from './new-traces.ts';
import type {
  OpenTelemetry,
  OpenTelemetrySpan,
  OpenTelemetrySpanContext,
  OpenTelemetryTracer,
} from './opentelemetry.ts';

const NO_TRACE = '0'.repeat(32);

/**
 * Places calls in traces. With OpenTelemetry in the application each call and each attempt is a span; without it the trace that a request
 * came in goes on unchanged, and a call that belongs to none begins one that is not recorded.
 */
export class Tracing {
  readonly #newTrace: () => TraceContext;
  #api: OpenTelemetry | undefined;
  #tracer: OpenTelemetryTracer | undefined;

  constructor(random: Random) {
    this.#newTrace = newTraces(random);
  }

  /** Uses this copy of the API from now on. */
  use(api: OpenTelemetry): void {
    this.#api = api;
    this.#tracer = api.trace.getTracer('heddle');
  }

  /** Uses the API that the application has installed, if it has. */
  async detect(): Promise<void> {
    try {
      const api: object = await import('@opentelemetry/api');
      this.use(api as OpenTelemetry); // the test of the real one holds this true
    } catch {
      // An optional peer that is not there: traces are then passed on, not recorded.
    }
  }

  startCall(ctx: Context): void {
    const api = this.#api;
    if (api !== undefined && this.#tracer !== undefined) {
      let parent = api.context.active();
      if (api.trace.getSpanContext(parent) === undefined && ctx.trace !== undefined) {
        parent = api.trace.setSpanContext(parent, remote(api, ctx.trace));
      }
      const span = this.#tracer.startSpan(
        `${ctx.operation} ${ctx.target}`,
        { attributes: { 'heddle.service': ctx.target } },
        parent,
      );
      this.#adopt(api, span, ctx);
    }
    ctx.trace ??= this.#newTrace();
  }

  startAttempt(ctx: Context): void {
    const api = this.#api;
    const { endpoint } = ctx;
    if (api === undefined || this.#tracer === undefined || ctx.span === undefined || endpoint === undefined) return;
    const parent = api.trace.setSpan(api.context.active(), ctx.span as OpenTelemetrySpan); // only #adopt sets it
    const attributes = {
      'heddle.service': ctx.target,
      'heddle.endpoint': endpoint.id,
      'heddle.attempt': ctx.attempt,
      'server.address': endpoint.host,
      'server.port': endpoint.port,
    };
    const span = this.#tracer.startSpan(
      `${ctx.operation} ${ctx.target} attempt`,
      { kind: api.SpanKind.CLIENT, attributes },
      parent,
    );
    this.#adopt(api, span, ctx);
  }

  /** Ends the span of a call or an attempt, if it has one. */
  finish(ctx: Context, error: unknown): void {
    if (ctx.span === undefined || this.#api === undefined) return;
    const span = ctx.span as OpenTelemetrySpan; // only #adopt sets it
    if (ctx.verdict !== undefined) span.setAttribute('heddle.verdict', ctx.verdict);
    if (ctx.parent === undefined) span.setAttribute('heddle.attempts', ctx.previous?.attempt ?? 0);
    const { notRetried, fault, cache, shared, fallback } = ctx.noted;
    if (notRetried !== undefined) span.setAttribute('heddle.not_retried', notRetried);
    if (fault !== undefined) span.setAttribute('heddle.fault', fault);
    if (cache !== undefined) span.setAttribute('heddle.cache', cache);
    if (shared === true) span.setAttribute('heddle.shared', 'true');
    if (fallback !== undefined) {
      span.setAttribute('heddle.fallback', fallback.to);
      span.setAttribute('heddle.fallback_for', fallback.because);
    }
    if (error !== undefined) span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: messageOf(error) });
    span.end();
  }

  #adopt(api: OpenTelemetry, span: OpenTelemetrySpan, ctx: Context): void {
    const { traceId, spanId, traceFlags, traceState }: OpenTelemetrySpanContext = span.spanContext();
    // Without an SDK every span is this one; asking the API whether it is valid would try two regular expressions each time.
    if (traceId === NO_TRACE || !api.isSpanContextValid({ traceId, spanId, traceFlags })) return;
    ctx.span = span;
    ctx.trace = {
      traceId,
      spanId,
      flags: traceFlags,
      state: traceState?.serialize() ?? '',
    };
  }
}

function remote(
  api: OpenTelemetry,
  { traceId, spanId, flags, state }: NonNullable<Context['trace']>,
): OpenTelemetrySpanContext {
  return {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...(state === '' ? {} : { traceState: api.createTraceState(state) }),
  };
}
