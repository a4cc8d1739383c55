import { expect, test } from 'vitest';
import { ConnectError } from '../../src/core/errors.ts';
import type { SingleFlightOptions } from '../../src/filters/single-flight-options.ts';
import { meshOf } from '../../src/index.ts';
import { harness, outcome, settled } from '../support/harness.ts';
import { recordingSpans } from '../support/recorded-spans.ts';

const service = 'players';
const refused = () => new ConnectError(service, 'a', new Error('refused'));

function setup(singleFlight: SingleFlightOptions = {}, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ singleFlight, retry: false, ...options });
  const shared = () => made.metrics.value('calls_shared', { service });
  return { ...made, shared };
}

test('GETs that are the same and made at the same time are sent once, and each gets the answer', async () => {
  const { call, peer, shared, target, clock } = setup();
  const idle = clock.pending;
  const req = { path: '/teams/42', headers: { accept: 'text/plain' } };
  const replies = [call(req), call(req), call(req)];
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200, body: 'Ann' });
  const answers = await Promise.all(replies);
  expect(answers).toEqual(Array.from({ length: 3 }, () => ({ status: 200, body: 'Ann' })));
  expect(new Set(answers).size).toBe(3);
  expect(shared()).toBe(2);
  expect([target.flights.size, clock.pending]).toEqual([0, idle]);
  const later = call(req);
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await later;
});

test.each([
  ['another path', { path: '/b' }],
  ['another authorization', { path: '/a', headers: { authorization: 'blue', 'x-request-id': '1' } }],
  ['another cookie', { path: '/a', headers: { authorization: 'red', 'x-request-id': '1', cookie: 'a=b' } }],
  ['another header', { path: '/a', headers: { authorization: 'red', 'x-request-id': '2' } }],
  ['another method', { path: '/a', method: 'HEAD', headers: { authorization: 'red', 'x-request-id': '1' } }],
])('%s is sent by itself', async (_, other) => {
  const { call, peer, shared } = setup();
  const replies = [call({ path: '/a', headers: { authorization: 'red', 'x-request-id': '1' } }), call(other)];
  expect([peer.waiting, shared()]).toEqual([2, 0]);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test.each([
  ['another priority', { priority: 'critical' }],
  ['another baggage', { baggage: 'tenant=blue' }],
  ['a request that is itself a retry', { retried: true }],
  ['a call that may be sent once', { maxAttempts: 1 }],
])('%s is sent by itself, too', async (_, changes) => {
  const { call, peer } = setup();
  const replies = [call(), call({}, { prepare: (ctx) => Object.assign(ctx, changes) })];
  expect(peer.waiting).toBe(2);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test('headers that are said not to matter do not', async () => {
  const { call, peer } = setup({ ignoreHeaders: ['X-Request-Id'] });
  const replies = [call({ headers: { 'x-request-id': '1' } }), call({ headers: { 'x-request-id': '2' } })];
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test('F70: whoever began it, and gives up, does not end it for the others', async () => {
  const { call, peer } = setup();
  const controller = new AbortController();
  const first = call({}, { signal: controller.signal });
  const second = call();
  const arrival = peer.next();
  controller.abort();
  expect(await outcome(first)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect(arrival.ctx.cancelled).toBeUndefined();
  arrival.reply({ status: 200, body: 'late' });
  expect(await second).toEqual({ status: 200, body: 'late' });
});

test('with the last who gives up the request is given up, and the next is sent anew', async () => {
  const { call, peer, target, clock } = setup();
  const idle = clock.pending;
  const controllers = [new AbortController(), new AbortController()];
  const replies = controllers.map(({ signal }) => call({}, { signal }));
  const arrival = peer.next();
  controllers[1]?.abort();
  await settled();
  expect(arrival.ctx.cancelled).toBeUndefined();
  controllers[0]?.abort();
  expect(arrival.ctx.cancelled).toMatchObject({ code: 'MESH_CANCELLED' });
  for (const reply of replies) expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect([target.flights.size, clock.pending]).toEqual([0, idle]);
  const next = call();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await next;
});

test('who has less time leaves earlier; who has much more is sent by itself', async () => {
  const { call, peer, clock } = setup({}, { attemptTimeoutMs: false });
  const within = (ms: number) => call({}, { prepare: (ctx) => Object.assign(ctx, { deadline: ctx.startedAt + ms }) });
  const first = within(1_000);
  const short = within(100);
  const longer = within(1_900);
  const longest = within(3_801);
  expect(peer.waiting).toBe(2);
  await clock.advance(100);
  expect(await outcome(short)).toMatchObject({ error: { code: 'MESH_DEADLINE' } });
  await clock.advance(900);
  expect(await outcome(first)).toMatchObject({ error: { code: 'MESH_DEADLINE' } });
  peer.next().reply({ status: 200, body: 'shared' });
  expect(await longer).toEqual({ status: 200, body: 'shared' });
  peer.next().reply({ status: 200, body: 'own' });
  expect(await longest).toEqual({ status: 200, body: 'own' });
});

test('with each who has more time the flight has more, and so may the next who joins it', async () => {
  const { call, peer } = setup({}, { retry: { baseMs: 0, maxMs: 0 } });
  const within = (ms: number) => call({}, { prepare: (ctx) => Object.assign(ctx, { deadline: ctx.startedAt + ms }) });
  const replies = [within(500), within(1_000), within(2_000)];
  expect(peer.waiting).toBe(1);
  peer.next().fail(refused());
  await settled();
  const { ctx, reply } = peer.next();
  expect(ctx.headers[ctx.headers.indexOf('mesh-timeout-ms') + 1]).toBe('2000');
  reply({ status: 200 });
  await Promise.all(replies);
});

test('a POST is sent for each who asks, however alike', async () => {
  const { call, peer, shared } = setup();
  const replies = [call({ method: 'POST', path: '/a' }), call({ method: 'POST', path: '/a' })];
  expect([peer.waiting, shared()]).toEqual([2, 0]);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test('a call made at the very moment in which the last gives up is sent anew', async () => {
  const { call, peer } = setup();
  const controller = new AbortController();
  void call({}, { signal: controller.signal });
  peer.next();
  controller.abort();
  const next = call();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200, body: 'anew' });
  expect(await next).toEqual({ status: 200, body: 'anew' });
});

test.each(['gives up', 'is answered'])(
  'when whoever had less time %s, the others go on sharing what was sent after it',
  async (end) => {
    const { call, peer, shared } = setup();
    const controller = new AbortController();
    const prepare = (ctx: { deadline: number; startedAt: number }) => {
      ctx.deadline = ctx.startedAt + 100;
    };
    const short = call({}, { signal: controller.signal, prepare });
    const long = [call(), call()];
    const first = peer.next();
    if (end === 'gives up') controller.abort();
    else first.reply({ status: 200 });
    await outcome(short);
    long.push(call());
    expect([peer.waiting, shared()]).toEqual([1, 2]);
    peer.next().reply({ status: 200 });
    await Promise.all(long);
  },
);

test('F81: a failure is that of all who wait, each with a fallback of its own, and the breaker counts it once', async () => {
  let asked = 0;
  const answer = () => ({ body: String(asked++) });
  const { call, peer, target } = setup({}, { fallback: { answer }, health: false });
  const replies = Array.from({ length: 50 }, () => call());
  peer.next().fail(refused());
  expect((await Promise.all(replies)).map(({ body }) => body)).toEqual(replies.map((_, i) => String(i)));
  expect(target.breaker?.state).toBe('closed');

  const plain = setup();
  const failing = [plain.call(), plain.call()];
  plain.peer.next().reply({ status: 503, body: 'no' });
  expect(await Promise.all(failing)).toEqual([
    { status: 503, body: 'no' },
    { status: 503, body: 'no' },
  ]);
});

test('what failed is sent anew by the next who asks, and leaves nothing', async () => {
  const { call, peer, target, clock } = setup();
  const idle = clock.pending;
  const failing = call();
  peer.next().fail(refused());
  await expect(failing).rejects.toMatchObject({ code: 'MESH_CONNECT' });
  expect([target.flights.size, clock.pending]).toEqual([0, idle]);
  const next = call();
  peer.next().reply({ status: 200 });
  expect(await next).toEqual({ status: 200 });
});

test('a request that others wait for is retried for all of them, and all know its attempts', async () => {
  const { call, peer } = setup({}, { retry: { attempts: 2 } });
  const replies = [call(), call()];
  peer.next().fail(refused());
  await settled();
  expect(peer.waiting).toBe(1);
  peer.next().fail(refused());
  for (const reply of replies) {
    const result = await outcome(reply);
    expect(meshOf('error' in Object(result) ? (result as { error: unknown }).error : undefined)?.attempts).toHaveLength(
      2,
    );
  }
});

test('each who waits has a span, and what is sent has one', async () => {
  const { call, peer, parts } = setup();
  const spans: Record<string, unknown>[] = [];
  parts.tracing.use(recordingSpans(spans));
  const replies = [call(), call()];
  peer.next().reply({ status: 200 });
  await Promise.all(replies);
  expect(spans.map((attributes) => attributes['server.address'])).toEqual([undefined, '10.0.0.1', undefined]);
});

test('who waits takes no place of those that are limited', async () => {
  const { call, peer } = setup({}, { concurrency: 1, bulkhead: { by: () => 'all', max: 1 } });
  const replies = Array.from({ length: 10 }, () => call());
  expect(peer.waiting).toBe(1);
  await expect(call({ path: '/other' })).rejects.toMatchObject({ reason: 'bulkhead' });
  peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test('options that make no sense are refused', () => {
  const given: unknown = { ignoreHeaders: 'authorization' };
  expect(() => setup(given as SingleFlightOptions)).toThrow(
    "singleFlight.ignoreHeaders must be an array of names of headers, not 'authorization'",
  );
});
