import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { TransportError } from '../../src/core/errors.ts';
import type { OpenTelemetry } from '../../src/telemetry/opentelemetry.ts';
import { harness } from '../support/harness.ts';

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
});
afterAll(() => {
  api.trace.disable();
  api.context.disable();
});
beforeEach(() => exporter.reset());

const real: OpenTelemetry = api; // does not compile if the real API no longer fits

function setup(options: Parameters<typeof harness>[0] = {}) {
  const all = harness(options);
  all.parts.tracing.use(real);
  return all;
}

const traceparentOf = (headers: readonly string[]) => headers[headers.indexOf('traceparent') + 1];

test("a call is a span under the application's own, each attempt a client span under it that names its endpoint", async () => {
  const { call, clock, peer } = setup();
  await api.trace.getTracer('app').startActiveSpan('request', async (root) => {
    const reply = call();
    const first = peer.next();
    first.reply({ status: 503 });
    await clock.advance(25);
    const second = peer.next();
    expect(traceparentOf(second.ctx.headers)).not.toBe(traceparentOf(first.ctx.headers));
    second.reply({ status: 200 });
    await reply;
    root.end();
  });
  const [one, two, whole, root] = exporter.getFinishedSpans();
  expect([one, two, whole, root].map((span) => span?.name)).toEqual([
    'GET players attempt',
    'GET players attempt',
    'GET players',
    'request',
  ]);
  expect(whole?.parentSpanContext?.spanId).toBe(root?.spanContext().spanId);
  for (const attempt of [one, two]) {
    expect(attempt?.kind).toBe(api.SpanKind.CLIENT);
    expect(attempt?.parentSpanContext?.spanId).toBe(whole?.spanContext().spanId);
    expect(attempt?.spanContext().traceId).toBe(root?.spanContext().traceId);
  }
  expect(one?.attributes).toMatchObject({
    'heddle.service': 'players',
    'heddle.attempt': 1,
    'server.port': 8080,
    'heddle.verdict': 'retryable',
  });
  expect(two?.attributes).toMatchObject({ 'heddle.attempt': 2, 'heddle.verdict': 'success' });
  expect(whole?.attributes).toMatchObject({ 'heddle.attempts': 2 });
});

test('what is sent names the span of its attempt as the parent', async () => {
  const { call, peer } = setup();
  const reply = call();
  const { ctx, reply: answer } = peer.next();
  answer({ status: 200 });
  await reply;
  const [attempt] = exporter.getFinishedSpans();
  const { traceId, spanId } = attempt?.spanContext() ?? { traceId: '', spanId: '' };
  expect(traceparentOf(ctx.headers)).toBe(`00-${traceId}-${spanId}-01`);
});

test('the trace of an inbound request is continued where the application has no span of its own', async () => {
  const { call, clock, peer } = setup();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: 1, state: '' };
  const reply = runAmbient({ trace, baggage: 'user=7', deadline: clock.now() + 1_000, retried: false }, () => call());
  const { ctx, reply: answer } = peer.next();
  expect(traceparentOf(ctx.headers)).toMatch(new RegExp(`^00-${'a'.repeat(32)}-`));
  expect(ctx.headers[ctx.headers.indexOf('baggage') + 1]).toBe('user=7');
  answer({ status: 200 });
  await reply;
  expect(exporter.getFinishedSpans()[1]?.parentSpanContext).toMatchObject({ spanId: 'b'.repeat(16), isRemote: true });
});

test('a call that fails ends its spans with the error', async () => {
  const { call, peer } = setup();
  const reply = call({ method: 'POST' });
  peer.next().fail(new Error('broken'));
  await expect(reply).rejects.toThrow('broken');
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ status }) => status)).toEqual([
    { code: api.SpanStatusCode.ERROR, message: 'broken' },
    { code: api.SpanStatusCode.ERROR, message: 'broken' },
  ]);
});

test('the span of a call says why it was not retried', async () => {
  const { call, peer } = setup();
  const reply = call({ method: 'POST' });
  peer.next().fail(new TransportError('players', '10.0.0.1:8080', new Error('socket hang up')));
  await expect(reply).rejects.toThrow('socket hang up');
  const [attempt, whole] = exporter.getFinishedSpans();
  expect(whole?.attributes['heddle.not_retried']).toBe('resend');
  expect(attempt?.attributes['heddle.not_retried']).toBe(undefined);
});

test.each([{ fallback: { answer: {} } }, { fallback: { answer: {} }, cache: {} }])(
  'the span of a call that waited for the same one says so with %j as well',
  async (around) => {
    const { call, peer } = setup({ singleFlight: {}, ...around });
    const shared = () => exporter.getFinishedSpans().map(({ attributes }) => attributes['heddle.shared']);
    const replies = [call(), call()];
    peer.next().reply({ status: 200, headers: { etag: '"1"', 'cache-control': 'max-age=0' } });
    await Promise.all(replies);
    expect(shared()).toEqual([undefined, undefined, 'true']);
    exporter.reset();
    // Where there is a cache, these ask whether its answer is still good.
    const failing = [call(), call()];
    peer.next().reply({ status: 500 });
    await Promise.all(failing);
    expect(shared()).toEqual([undefined, undefined, 'true']);
  },
);

test('a span tells that its call was answered in another way, shared, from a cache or met a fault', async () => {
  const { call, peer } = setup({ fallback: { answer: {} }, retry: false });
  const reply = call();
  peer.next().reply({ status: 500 });
  await reply;
  const spans = () => exporter.getFinishedSpans().map(({ attributes }) => attributes);
  expect(spans().at(-1)).toMatchObject({
    'heddle.fallback': 'answer',
    'heddle.fallback_for': "'players' answered 500",
    'heddle.verdict': 'failure',
  });
  exporter.reset();

  const shared = setup({ singleFlight: {} });
  const replies = [shared.call(), shared.call()];
  shared.peer.next().reply({ status: 200 });
  await Promise.all(replies);
  expect(spans().map((attributes) => attributes['heddle.shared'])).toEqual([undefined, undefined, 'true']);
  exporter.reset();

  const cached = setup({ cache: {} });
  const first = cached.call();
  cached.peer.next().reply({ status: 200, headers: { 'cache-control': 'max-age=60' } });
  await first;
  await cached.call();
  const [, miss, hit] = spans();
  expect(miss).toMatchObject({ 'heddle.cache': 'miss', 'heddle.attempts': 1 });
  expect(hit).toMatchObject({ 'heddle.cache': 'hit', 'heddle.attempts': 0, 'heddle.verdict': 'success' });
  exporter.reset();

  await setup({ fault: { abort: 404 } }).call();
  expect(spans()[0]).toMatchObject({ 'heddle.fault': '404', 'heddle.attempt': 1 });
});

test('the span of a copy is in the trace of its call', async () => {
  const { call, peer } = setup({ mirror: { service: 'next' }, others: ['next'] });
  const reply = call();
  await new Promise((resolve) => setImmediate(resolve));
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await reply;
  await new Promise((resolve) => setImmediate(resolve));
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name).sort()).toEqual([
    'GET next',
    'GET next attempt',
    'GET players',
    'GET players attempt',
  ]);
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
});
