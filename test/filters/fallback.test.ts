import { expect, test } from 'vitest';
import { ConnectError, FallbackError } from '../../src/core/errors.ts';
import type { FallbackOptions } from '../../src/filters/fallback-options.ts';
import { ConfigError, meshOf } from '../../src/index.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';
const refused = (endpoint = 'a') => new ConnectError(service, endpoint, new Error('refused'));

function setup(fallback: FallbackOptions, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ retry: false, fallback, ...options });
  const outcomes = (name: string) => made.metrics.value('calls', { service, binding: 'mock', outcome: name });
  const answered = (to: string) => made.metrics.value('fallbacks', { service, to });
  const failed = () => made.metrics.value('fallbacks_failed', { service });
  return { ...made, outcomes, answered, failed };
}

test('a call that fails is answered with what is given, and nobody takes it for a success', async () => {
  const { call, peer, clock, outcomes, answered, target } = setup({ answer: { json: [] } });
  const idle = clock.pending;
  const reply = call();
  peer.next().fail(refused());
  expect(await reply).toEqual({ status: 200, headers: { 'content-type': 'application/json' }, body: '[]' });
  expect(answered('answer')).toBe(1);
  expect([outcomes('fallback'), outcomes('success'), outcomes('failure')]).toEqual([1, 0, 0]);
  expect(clock.pending).toBe(idle);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
});

test.each([500, 503])('a response of %i is answered with what is given, and freed', async (status) => {
  const { call, peer } = setup({ answer: { status: 203, body: 'instead' } });
  const reply = call();
  peer.next().replyHead({ status });
  expect(await reply).toEqual({ status: 203, body: 'instead' });
  expect(peer.discarded).toEqual([{ status }]);
});

test.each([200, 301, 400, 404, 421, 429])('a response of %i is the answer', async (status) => {
  const { call, peer, answered, failed } = setup({ answer: { body: 'instead' } });
  const reply = call();
  peer.next().reply({ status, body: 'own' });
  expect(await reply).toEqual({ status, body: 'own' });
  expect([answered('answer'), failed()]).toEqual([0, 0]);
});

test('a call is retried before it is answered in another way', async () => {
  const { call, peer, clock, answered } = setup({ answer: {} }, { retry: { attempts: 2 } });
  const reply = call();
  peer.next().fail(refused());
  await settled();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  expect(await reply).toEqual({ status: 200 });
  expect(answered('answer')).toBe(1);
});

test('calls that an open breaker refuses are answered, and the breaker counts what really happened', async () => {
  const { call, peer, target, answered } = setup({ answer: {} }, { health: false });
  for (let i = 0; i < 20; i++) {
    const reply = call();
    peer.next().fail(refused());
    await reply;
  }
  expect(target.breaker?.state).toBe('open');
  expect(await call()).toEqual({ status: 200 });
  expect(peer.waiting).toBe(0);
  expect(answered('answer')).toBe(21);
});

test('a call whose time is up is answered', async () => {
  const { call, clock } = setup({ answer: { body: 'instead' } }, { deadlineMs: 100, attemptTimeoutMs: false });
  const reply = call();
  await clock.advance(100);
  expect(await reply).toEqual({ status: 200, body: 'instead' });
});

test('a function is told what failed, and may let it fail', async () => {
  const seen: unknown[] = [];
  const { call, peer, failed } = setup({
    answer: ({ service, operation, path, header, error, status }) => {
      seen.push([service, operation, path, header('x-team'), error.code, status]);
      return status === 500 ? undefined : { body: `no ${path}` };
    },
  });
  const first = call({ path: '/teams/42', headers: { 'x-team': 'red' } });
  peer.next().fail(refused());
  expect(await first).toEqual({ status: 200, body: 'no /teams/42' });
  const second = call({ method: 'POST' });
  peer.next().reply({ status: 500, body: 'own' });
  expect(await second).toEqual({ status: 500, body: 'own' });
  expect(seen).toEqual([
    [service, 'GET', '/teams/42', 'red', 'MESH_CONNECT', undefined],
    [service, 'POST', '/', undefined, 'MESH_STATUS', 500],
  ]);
  expect(failed()).toBe(1);
  const third = setup({ answer: () => undefined });
  const reply = third.call();
  third.peer.next().fail(refused());
  await expect(reply).rejects.toMatchObject({ code: 'MESH_CONNECT' });
});

test('F84: a function that throws gives an error whose cause is what had failed', async () => {
  const thrown = new Error('no cache');
  const { call, peer, failed, outcomes, seen } = setup({
    answer: () => {
      throw thrown;
    },
  });
  const original = refused();
  const reply = call();
  peer.next().fail(original);
  const result = await outcome(reply);
  const error = 'error' in Object(result) ? (result as { error: unknown }).error : undefined;
  expect(error instanceof FallbackError).toBe(true);
  expect(error).toMatchObject({
    code: 'MESH_FALLBACK',
    message: "the fallback of 'players' failed: no cache",
    cause: original,
    thrown,
  });
  expect(meshOf(error)?.attempts).toHaveLength(1);
  expect(failed()).toBe(1);
  expect(outcomes('MESH_FALLBACK')).toBe(1);
  expect(seen).toContainEqual({ name: 'fault', event: { source: "fallback of 'players'", error: thrown } });
});

test.each([
  ['a promise that rejects', () => Promise.reject(new Error('no cache')), 'no cache'],
  ['an answer that is none', () => ({ status: 99 }), 'defaults.fallback.answer.status must be an integer from 200'],
])('F84: %s counts as thrown, after a response too', async (_, answer, message) => {
  const { call, peer } = setup({ answer });
  const reply = call();
  peer.next().replyHead({ status: 503 });
  await expect(reply).rejects.toMatchObject({ code: 'MESH_FALLBACK', cause: { code: 'MESH_STATUS' } });
  await expect(reply).rejects.toThrow(message.replace('defaults.', ''));
  expect(peer.discarded).toHaveLength(1);
});

test('a function that takes longer than its limit counts as thrown', async () => {
  const { call, peer, clock } = setup({ answer: () => new Promise(() => {}), limitMs: 200 });
  const idle = clock.pending;
  const reply = call();
  peer.next().fail(refused());
  await clock.advance(199);
  expect(await outcome(reply)).toBe('pending');
  await clock.advance(1);
  await expect(reply).rejects.toThrow('it took longer than 200 ms');
  expect(clock.pending).toBe(idle);
});

test('time that a request was given is not exceeded, but what is at hand is still given', async () => {
  const given = { answer: async () => ({ body: 'at hand' }) };
  const { call, clock } = setup(given, { deadlineMs: 10_000 });
  const reply = call({}, { prepare: (ctx) => Object.assign(ctx, { deadline: ctx.startedAt + 50 }) });
  await clock.advance(50);
  expect(await reply).toEqual({ status: 200, body: 'at hand' });
});

test('a caller that gives up is not answered, neither before nor while an answer is made', async () => {
  let asked = 0;
  const answer = () => {
    asked++;
    return new Promise<undefined>(() => {});
  };
  const { call, peer, clock, seen, failed } = setup({ answer });
  const idle = clock.pending;
  for (const fails of [false, true]) {
    const controller = new AbortController();
    const reply = call({}, { signal: controller.signal });
    const arrival = peer.next();
    if (fails) arrival.fail(refused());
    await settled();
    controller.abort(new Error('gone'));
    expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  }
  expect(asked).toBe(1);
  expect(clock.pending).toBe(idle);
  expect(failed()).toBe(0);
  expect(seen.filter(({ name }) => name === 'fault')).toEqual([]);
});

test('another service gets the request, and is the one that a report names', async () => {
  const { call, peer, answered, metrics } = setup({ service: 'archive' }, { others: ['archive'] });
  const reply = call({ path: '/teams/42' });
  peer.next().fail(refused());
  await settled();
  const second = peer.next();
  expect([second.ctx.target, second.req.path]).toEqual(['archive', '/teams/42']);
  second.reply({ status: 404 });
  expect(await reply).toEqual({ status: 404 });
  expect(answered('service')).toBe(1);
  expect(metrics.value('calls', { service: 'archive', binding: 'mock', outcome: 'success' })).toBe(1);
});

test.each([
  ['a POST that may have been worked on', { method: 'POST' }, { status: 500 }, {}],
  ['a body that is gone', {}, { status: 500 }, { replayable: false }],
])('another service does not get %s', async (_, req, response, changes) => {
  const { call, peer } = setup({ service: 'archive' }, { others: ['archive'] });
  const reply = call(req, { prepare: (ctx) => Object.assign(ctx, changes) });
  peer.next().reply(response);
  expect(await reply).toEqual(response);
  expect(peer.waiting).toBe(0);
});

test('when the other service fails too, what is next answers, or the first failure leaves as it was', async () => {
  for (const answer of [{ body: 'instead' }, undefined]) {
    const { call, peer, answered, failed } = setup({ service: 'archive', answer }, { others: ['archive'] });
    const reply = call({ method: 'POST' });
    peer.next().fail(refused());
    await settled();
    peer.next().reply({ status: 503 });
    if (answer === undefined) await expect(reply).rejects.toMatchObject({ code: 'MESH_CONNECT', service });
    else expect(await reply).toEqual({ status: 200, body: 'instead' });
    expect([answered('service'), answered('answer'), failed()]).toEqual(answer === undefined ? [0, 0, 1] : [0, 1, 0]);
  }
});

test('two services that are each the fallback of the other end with the second', async () => {
  const { call, peer } = setup({ service: 'archive' }, { others: ['archive'] });
  const reply = call();
  peer.next().fail(refused());
  await settled();
  peer.next().fail(refused());
  await expect(reply).rejects.toMatchObject({ code: 'MESH_CONNECT' });
  expect(peer.waiting).toBe(0);
});

test('a caller that gives up takes its call of the other service with it', async () => {
  const { call, peer } = setup({ service: 'archive' }, { others: ['archive'] });
  const controller = new AbortController();
  const reply = call({}, { signal: controller.signal });
  peer.next().fail(refused());
  await settled();
  const second = peer.next();
  controller.abort();
  expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect(second.ctx.cancelled).toBeDefined();
});

/** A setup in which `/a` was answered well. */
async function answeredOnce(options: FallbackOptions, headers = {}) {
  const made = setup(options);
  const reply = made.call({ path: '/a', headers });
  made.peer.next().reply({ status: 200, headers: { etag: '1' }, body: 'good' });
  await reply;
  const fails = (req: Parameters<typeof made.call>[0]) => {
    const failing = made.call(req);
    made.peer.next().reply({ status: 503 });
    return failing;
  };
  return { ...made, fails };
}

test('the last good answer to the same GET is given while it is not too old', async () => {
  const { fails, clock, answered } = await answeredOnce({ staleMs: 10_000 });
  await clock.advance(2_500);
  expect(await fails({ path: '/a' })).toEqual({ status: 200, headers: { etag: '1', age: '2' }, body: 'good' });
  expect(await fails({ path: '/b' })).toEqual({ status: 503 });
  expect(await fails({ path: '/a', method: 'HEAD' })).toEqual({ status: 503 });
  await clock.advance(7_501);
  expect(await fails({ path: '/a' })).toEqual({ status: 503 });
  expect(answered('stale')).toBe(1);
});

test('an answer is never given to a request with other headers, unless these are said not to matter', async () => {
  const headers = { authorization: 'red', 'x-request-id': '1' };
  const strict = await answeredOnce({ staleMs: 10_000 }, headers);
  expect(await strict.fails({ path: '/a', headers: { ...headers, authorization: 'blue' } })).toEqual({ status: 503 });
  expect(await strict.fails({ path: '/a', headers: { ...headers, 'x-request-id': '2' } })).toEqual({ status: 503 });
  expect(await strict.fails({ path: '/a', headers })).toMatchObject({ status: 200 });
  const { fails } = await answeredOnce({ staleMs: 10_000, ignoreHeaders: ['X-Request-Id'] }, headers);
  expect(await fails({ path: '/a', headers: { ...headers, 'x-request-id': '2' } })).toMatchObject({ status: 200 });
});

test('what must not be stored, is no 200, or is very large is not kept', async () => {
  const { call, peer } = setup({ staleMs: 10_000 });
  const answers = [
    { status: 200, headers: { 'cache-control': 'private, no-store' } },
    { status: 200, headers: { vary: '*' } },
    { status: 203 },
    { status: 200, body: 'x'.repeat(1024 * 1024 + 1) },
  ];
  for (const [i, answer] of answers.entries()) {
    const good = call({ path: `/${i}` });
    peer.next().reply(answer);
    await good;
    const bad = call({ path: `/${i}` });
    peer.next().reply({ status: 503 });
    expect(await bad).toEqual({ status: 503 });
  }
  const asked = await answeredOnce({ staleMs: 10_000 }, { 'cache-control': 'no-store' });
  expect(await asked.fails({ path: '/a', headers: { 'cache-control': 'no-store' } })).toEqual({ status: 503 });
});

test.each<[FallbackOptions, string]>([
  [{}, 'fallback must say at least one of service, staleMs, answer'],
  [{ service: 'Not a name' }, 'fallback.service must be a service name (1 to 63 of a-z, 0-9, ".", "_", "-"'],
  [{ staleMs: 0 }, 'fallback.staleMs must be a number of milliseconds of at least 1, not 0'],
  [{ answer: {}, limitMs: 0 }, 'fallback.limitMs must be a number of milliseconds of at least 1, not 0'],
  [{ answer: { status: 199 } }, 'fallback.answer.status must be an integer from 200 to 599, not 199'],
  [{ answer: { body: 'a', json: 1 } }, 'fallback.answer must be given body or json, not both'],
  [{ answer: { headers: { a: 'b\r\nc' } } }, 'fallback.answer.headers.a must be a string without line breaks'],
  [{ staleMs: 1, ignoreHeaders: [''] }, "fallback.ignoreHeaders[0] must be a string that is not empty, not ''"],
])('%o is refused', (fallback, message) => {
  expect(() => harness({ fallback })).toThrow(ConfigError);
  expect(() => harness({ fallback })).toThrow(message);
});
