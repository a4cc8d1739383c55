import { expect, test } from 'vitest';
import { meshOf } from '../../src/client/mesh-of.ts';
import { runAmbient } from '../../src/core/ambient.ts';
import type { Context } from '../../src/core/context.ts';
import { ConnectError, isMeshError, MeshError, RefusedError, TransportError } from '../../src/core/errors.ts';
import type { NotRetried } from '../../src/core/not-retried.ts';
import { harness, outcome, settled } from '../support/harness.ts';
import { recordingSpans } from '../support/recorded-spans.ts';

const reset = () => new TransportError('players', '10.0.0.1:8080', new Error('socket hang up'));
const refused = () => new ConnectError('players', '10.0.0.1:8080', new Error('connect ECONNREFUSED'));

test('a 503 to a GET is retried on another endpoint after a random wait of at most 25 ms', async () => {
  const { call, clock, peer } = harness();
  const reply = call();
  const first = peer.next();
  first.reply({ status: 503 });
  await settled();
  expect(peer.waiting).toBe(0);
  await clock.advance(25);
  const second = peer.next();
  expect(second.ctx.attempt).toBe(2);
  expect(second.ctx.endpoint?.id).not.toBe(first.ctx.endpoint?.id);
  second.reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect(peer.discarded).toEqual([{ status: 503 }]);
  expect(clock.pending).toBe(harness().clock.pending);
});

test('the wait is anything up to 25 ms, twice that before the next, and never more than is said', async () => {
  const longest = [0, 0, 0, 0];
  const { call, clock, peer } = harness({
    retry: { attempts: 5, maxMs: 120, budgetRatio: 1, budgetPerSecond: 1_000 },
    endpoints: 5,
    breaker: false,
    health: false,
  });
  for (let i = 0; i < 60; i++) {
    const reply = call();
    peer.next().reply({ status: 503 });
    for (const retry of longest.keys()) {
      let ms = 0;
      for (; peer.waiting === 0; ms++) await clock.advance(1);
      longest[retry] = Math.max(longest[retry] ?? 0, ms);
      peer.next().reply({ status: 503 });
    }
    await reply;
    // So that it is no outage.
    const well = call();
    peer.next().reply({ status: 200 });
    await well;
  }
  for (const [retry, most] of [25, 50, 100, 120].entries()) {
    expect(longest[retry]).toBeLessThanOrEqual(most + 1); // the clock of the timers turns once in a millisecond
    expect(longest[retry]).toBeGreaterThan(0.9 * most);
  }
});

test('each retry goes to an endpoint that the call has not tried, as long as there is one', async () => {
  const { call, clock, peer } = harness({ endpoints: 3 });
  const reply = call();
  const tried = new Set<string | undefined>();
  for (let attempt = 0; attempt < 3; attempt++) {
    const arrival = peer.next();
    tried.add(arrival.ctx.endpoint?.id);
    arrival.reply({ status: 503, body: `${attempt}` });
    await clock.advance(250);
  }
  expect(tried.size).toBe(3);
  expect(await reply).toEqual({ status: 503, body: '2' });
});

test('the last outcome leaves as it is, and an error says how many attempts were made', async () => {
  const { call, clock, peer, target } = harness();
  const reply = call();
  let last: Error | undefined;
  for (let attempt = 0; attempt < 3; attempt++) {
    last = reset();
    peer.next().fail(last);
    await clock.advance(250);
  }
  const ended = await outcome(reply);
  expect(ended).toEqual({ error: last });
  expect(last instanceof MeshError && last.attempts).toBe(3);
  expect(target.nodes.nodes.map(({ running }) => running)).toEqual([0, 0, 0]);
});

test('F64: a POST that may have been worked on is not sent again', async () => {
  const { call, clock, peer, metrics } = harness();
  const reply = call({ method: 'POST' });
  peer.next().fail(reset());
  await clock.advance(1_000);
  expect(peer.waiting).toBe(0);
  await expect(reply).rejects.toThrow('socket hang up');
  const answered = call({ method: 'POST' });
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  expect([peer.waiting, await answered]).toEqual([0, { status: 503 }]);
  expect(metrics.value('retries_refused', { service: 'players', reason: 'resend' })).toBe(2);
});

test('F64: a POST that was surely not worked on is sent again at once', async () => {
  const { call, peer } = harness();
  const reply = call({ method: 'POST' });
  peer.next().fail(refused());
  await settled();
  peer.next().reply({ status: 503, headers: { 'mesh-nack': 'overload' } });
  await settled();
  peer.next().reply({ status: 201 });
  expect(await reply).toEqual({ status: 201 });
});

test('F38: an address that belongs to another service by now is left at once, even by a POST', async () => {
  const { call, peer, seen } = harness();
  const reply = call({ method: 'POST' });
  const stranger = peer.next();
  stranger.reply({ status: 421, headers: { 'mesh-nack': 'misdirected' }, body: 'this is not players' });
  await settled();
  peer.next().reply({ status: 201 });
  expect(await reply).toEqual({ status: 201 });
  expect(peer.discarded.length).toBe(1);
  expect(seen).toEqual([
    {
      name: 'endpoint',
      event: { service: 'players', endpoint: stranger.ctx.endpoint?.id, health: 'down', reason: 'cannot be reached' },
    },
  ]);
});

test('F65: a body that cannot be sent again is not', async () => {
  const { call, clock, peer, metrics } = harness();
  const reply = call({}, { prepare: (ctx) => (ctx.replayable = false) });
  peer.next().fail(refused());
  await clock.advance(1_000);
  await expect(reply).rejects.toThrow('cannot connect');
  expect(metrics.value('retries_refused', { service: 'players', reason: 'body' })).toBe(1);
});

test('F62: a call made for a request that is itself a retry is not retried, unless nothing was sent', async () => {
  const { call, clock, peer } = harness();
  const retried = { prepare: (ctx: { retried: boolean }) => (ctx.retried = true) };
  const reply = call({}, retried);
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  expect(await reply).toEqual({ status: 503 });

  const unsent = call({}, retried);
  peer.next().fail(refused());
  await settled();
  peer.next().reply({ status: 200 });
  expect(await unsent).toEqual({ status: 200 });
});

test('F62: what is called for a retry says that it is one, from its first attempt on', async () => {
  const { call, peer } = harness();
  const sent = async (retried: boolean) => {
    const reply = call({}, { prepare: (ctx) => (ctx.retried = retried) });
    const { ctx, reply: answer } = peer.next();
    answer({ status: 200 });
    await reply;
    return ctx.headers[ctx.headers.indexOf('mesh-attempt') + 1];
  };
  expect(await sent(true)).toBe('2');
  expect(await sent(false)).not.toBe('2');
});

test('F62: what a server retried itself, in vain, is not retried again', async () => {
  const { call, clock, peer, metrics } = harness();
  const reply = call();
  peer.next().reply({ status: 503, headers: { 'mesh-retried': '1' } });
  await clock.advance(1_000);
  expect((await reply).status).toBe(503);
  expect(metrics.value('retries_refused', { service: 'players', reason: 'already-retried' })).toBe(1);
});

test.each<[string, Parameters<ReturnType<typeof harness>['call']>]>([
  ['may be sent once only', [{}, { prepare: (ctx) => (ctx.maxAttempts = 1) }]],
  ['must not be repeated', [{ method: 'POST' }]],
  ['has lost its body', [{}, { prepare: (ctx) => (ctx.replayable = false) }]],
])('F62: that a server retried in vain is heard by a call that %s, too, for whoever is above', async (_what, asked) => {
  const { call, peer, metrics } = harness();
  const reply = call(...asked);
  peer.next().reply({ status: 503, headers: { 'mesh-retried': '1' } });
  expect((await reply).status).toBe(503);
  expect(metrics.value('retries_refused', { service: 'players', reason: 'already-retried' })).toBe(1);
});

test('F73: Retry-After is obeyed exactly up to five seconds, and not waited for beyond', async () => {
  const { call, clock, peer } = harness();
  const reply = call();
  peer.next().reply({ status: 429, headers: { 'retry-after': '2' } });
  await clock.advance(1_999);
  expect(peer.waiting).toBe(0);
  await clock.advance(1);
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });

  const hopeless = call();
  peer.next().reply({ status: 429, headers: { 'retry-after': '6' } });
  await settled();
  expect((await hopeless).status).toBe(429);
});

test('F73: a refusal with Retry-After sends a call elsewhere at once, and is obeyed where nobody else is left', async () => {
  const { call, clock, peer } = harness({ endpoints: 2 });
  const refusal = { status: 429, headers: { 'mesh-nack': 'rate', 'retry-after': '4' } };
  const reply = call({ method: 'POST' });
  peer.next().reply(refusal);
  await settled();
  peer.next().reply(refusal);
  await clock.advance(3_999);
  expect(peer.waiting).toBe(0);
  await clock.advance(1);
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });

  const hopeless = call();
  peer.next().reply(refusal);
  await settled();
  peer.next().reply({ ...refusal, headers: { ...refusal.headers, 'retry-after': '6' } });
  await expect(hopeless).rejects.toMatchObject({ code: 'MESH_REFUSED', notRetried: 'retry-after' });
});

test('F74: a Retry-After that is no wait is answered with the usual one', async () => {
  for (const header of ['-1', '1e99', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
    const { call, clock, peer } = harness();
    const reply = call();
    peer.next().reply({ status: 503, headers: { 'retry-after': header } });
    await clock.advance(25);
    peer.next().reply({ status: 200 });
    expect(await reply).toEqual({ status: 200 });
  }
});

test('F64: why a call was not retried is on its error, and in what the mesh knows of it', async () => {
  const { call, clock, peer } = harness();
  const posted = call({ method: 'POST' });
  peer.next().fail(reset());
  const { error } = (await outcome(posted)) as { error: MeshError }; // it was made to fail
  expect(error.notRetried).toBe('resend');
  expect(meshOf(error)?.notRetried).toBe('resend');

  const thrice = call();
  for (let attempt = 0; attempt < 3; attempt++) {
    peer.next().fail(reset());
    await clock.advance(250);
  }
  await expect(thrice).rejects.toMatchObject({ notRetried: 'attempts' });

  const late = call({}, { prepare: (ctx) => (ctx.deadline = clock.now() + 1) });
  peer.next().reply({ status: 503, headers: { 'retry-after': '1' } });
  await late;
  const retried = call();
  peer.next().reply({ status: 503 });
  await clock.advance(25);
  peer.next().reply({ status: 200 });
  await retried;
  const cutOff = call({}, { prepare: (ctx) => (ctx.retried = true) });
  peer.next().fail(reset());
  await expect(cutOff).rejects.toMatchObject({ notRetried: 'already-retried' });
});

/** What makes an attempt fail, and keeps another from following. */
const FAILING: Readonly<
  Record<NotRetried, { method?: string; prepare?: (ctx: Context) => void; pause?: string; failed?: number }>
> = {
  attempts: { prepare: (ctx) => (ctx.maxAttempts = 1) },
  resend: { method: 'POST' },
  body: { prepare: (ctx) => (ctx.replayable = false) },
  'already-retried': { prepare: (ctx) => (ctx.retried = true) },
  'retry-after': { pause: '6' },
  deadline: { prepare: (ctx) => (ctx.deadline = ctx.startedAt + 1_000), pause: '1' },
  'left-to-caller': {
    prepare: (ctx) => Object.assign(ctx, { deadline: ctx.startedAt + 15, limitedBy: 'request' }),
  },
  outage: { failed: 21 },
  budget: {},
};

test.each(Object.entries(FAILING))(
  'F64: a call that is not retried because of %s says so on its error, on its span and in the metrics',
  async (reason, { method = 'GET', prepare, pause, failed = 0 }) => {
    const budget = reason === 'budget' ? { budgetRatio: 0, budgetPerSecond: 0 } : {};
    const retry = { baseMs: 0, maxMs: 0, ...budget };
    const { call, clock, peer, metrics, parts } = harness({ endpoints: 1, breaker: false, retry });
    for (let i = 0; i < failed; i++) {
      const before = call({ method: 'POST' });
      await clock.advance(1);
      peer.next().fail(reset());
      await expect(before).rejects.toThrow();
    }
    const spans: Record<string, unknown>[] = [];
    parts.tracing.use(recordingSpans(spans));
    const reply = call({ method }, prepare === undefined ? {} : { prepare });
    await clock.advance(10);
    const refused = new RefusedError('players', 'nack', 'refused');
    refused.retryAfter = pause;
    peer.next().fail(pause === undefined ? reset() : refused);
    const { error } = (await outcome(reply)) as { error: MeshError }; // it was made to fail
    expect([error.notRetried, meshOf(error)?.notRetried]).toEqual([reason, reason]);
    expect(metrics.value('retries_refused', { service: 'players', reason })).toBe(1);
    expect(spans.map((attributes) => attributes['heddle.not_retried'])).toContain(reason);
    expect(peer.waiting).toBe(0);
  },
);

test.each([1_500, 2_000])(
  'a retry that could not begin before the deadline is not waited for (%i ms)',
  async (deadlineMs) => {
    const { call, clock, peer, metrics } = harness({ deadlineMs });
    const reply = call();
    peer.next().reply({ status: 503, headers: { 'retry-after': '2' } });
    await clock.advance(0);
    expect((await reply).status).toBe(503);
    expect(metrics.value('retries_refused', { service: 'players', reason: 'deadline' })).toBe(1);
  },
);

test('F62: with less time left of a handed deadline than the attempt took, the failure is answered and not retried', async () => {
  const after = async (handedMs: number | undefined, ownMs: number, tookMs: number) => {
    const { call, clock, peer } = harness({ deadlineMs: ownMs, retry: { baseMs: 0, maxMs: 0 } });
    const deadline = handedMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + handedMs;
    const reply = runAmbient({ trace: undefined, baggage: '', deadline, retried: false }, () => call());
    await clock.advance(tookMs);
    peer.next().fail(reset());
    await settled();
    if (peer.waiting > 0) return 'again';
    return await reply.catch((error: unknown) => (isMeshError(error) ? error.notRetried : error));
  };
  expect(await after(400, 1_000, 201)).toBe('left-to-caller');
  expect(await after(400, 1_000, 199)).toBe('again');
  // Nobody above would send these again.
  expect(await after(undefined, 400, 201)).toBe('again');
  expect(await after(1_000, 400, 201)).toBe('again');
});

test('F62: a failure that was retried here is not left to the caller, which is not to send it again', async () => {
  const { call, clock, peer, metrics } = harness({ retry: { baseMs: 0, maxMs: 0 } });
  const reply = runAmbient({ trace: undefined, baggage: '', deadline: clock.now() + 400, retried: false }, () =>
    call(),
  );
  for (let attempt = 0; attempt < 2; attempt++) {
    await clock.advance(150);
    peer.next().fail(reset());
    await settled();
  }
  await expect(reply).rejects.toMatchObject({ notRetried: 'deadline' });
  expect(metrics.value('retries', { service: 'players' })).toBe(1);
});

test.each([
  ['the wait would end after it', 395, {}, 'left-to-caller'],
  // Whoever sent it would send it again before the pause is over.
  ['a pause that the server asks for ends after it', 395, { 'retry-after': '1' }, 'deadline'],
  ['a pause that the server asks for ends shortly before it', 395, { 'retry-after': '1' }, 'deadline', 1_400],
])('F62: of a handed deadline, when %s: %i ms, %o, %s', async (_what, tookMs, headers, why, handedMs = 400) => {
  const { call, clock, peer, metrics } = harness({ retry: { baseMs: 1_000, maxMs: 1_000 } });
  const reply = runAmbient({ trace: undefined, baggage: '', deadline: clock.now() + handedMs, retried: false }, () =>
    call(),
  );
  await clock.advance(tookMs);
  peer.next().reply({ status: 503, headers });
  expect(await outcome(reply)).toEqual({ value: { status: 503, headers } });
  expect(metrics.value('retries_refused', { service: 'players', reason: why })).toBe(1);
});

test('F62: once twenty attempts in a row failed that began after others had, nothing is sent again until one is answered', async () => {
  const { call, clock, peer, metrics } = harness({
    breaker: false,
    health: false,
    retry: { attempts: 2, baseMs: 0, maxMs: 0 },
  });
  const retries = () => metrics.value('retries', { service: 'players' });
  // One endpoint dies with all that it has in flight.
  const lost = Array.from({ length: 50 }, () => call());
  await clock.advance(10);
  for (let i = 0; i < 50; i++) peer.next().fail(reset());
  await settled();
  await clock.advance(10);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(lost);
  expect(retries()).toBe(50);

  const failing = async () => {
    const reply = call();
    do {
      await clock.advance(1);
      peer.next().fail(reset());
      await settled();
    } while (peer.waiting > 0);
    return ((await outcome(reply)) as { error: MeshError }).error.notRetried; // it was made to fail
  };
  // The first call with its two attempts only begins the row.
  for (let i = 0; i < 11; i++) expect(await failing()).toBe('attempts');
  expect(await failing()).toBe('outage');
  expect(retries()).toBe(61);
  await clock.advance(9_000);
  expect(await failing()).toBe('outage');
  await clock.advance(10_001);
  for (let i = 0; i < 11; i++) expect(await failing()).toBe('attempts');
  expect(await failing()).toBe('outage');
  const well = call();
  peer.next().reply({ status: 404 });
  await well;
  expect(await failing()).toBe('attempts');
});

test('F62: when everything fails, retries stay within 20 % of the calls and 10 a second', async () => {
  // No health and no breaker: nothing but the budget limits the retries.
  const { call, clock, peer, metrics } = harness({ health: false, breaker: false });
  const calls = 2_000;
  for (let i = 0; i < calls; i++) {
    const reply = call();
    do {
      peer.next().fail(refused());
      await settled();
    } while (peer.waiting > 0);
    await expect(reply).rejects.toThrow();
  }
  await clock.advance(0);
  expect(metrics.value('retries', { service: 'players' })).toBe(calls * 0.2 + 100);
});

test('F63: a retry is taken from the budget when it is decided, not when its wait is over', async () => {
  const { call, clock, peer, metrics } = harness({
    breaker: false,
    health: false,
    retry: { budgetRatio: 0, budgetPerSecond: 0.1 },
  });
  const replies = [call(), call()];
  peer.next().reply({ status: 503 });
  peer.next().reply({ status: 503 });
  await settled();
  expect(metrics.value('retries', { service: 'players' })).toBe(1);
  await clock.advance(25);
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  expect((await Promise.all(replies)).map(({ status }) => status).sort()).toEqual([200, 503]);
});

test('a caller can lower the number of attempts, not raise it', async () => {
  const { call, clock, peer } = harness({ retry: { attempts: 2 } });
  const once = call({}, { prepare: (ctx) => (ctx.maxAttempts = 1) });
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  expect((await once).status).toBe(503);

  const many = call({}, { prepare: (ctx) => (ctx.maxAttempts = 10) });
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  peer.next().reply({ status: 503 });
  await clock.advance(1_000);
  expect(peer.waiting).toBe(0);
  expect((await many).status).toBe(503);
});

test('with retries off a call is one attempt', async () => {
  const { call, clock, peer } = harness({ retry: false });
  const reply = call();
  peer.next().fail(refused());
  await clock.advance(1_000);
  expect(peer.waiting).toBe(0);
  await expect(reply).rejects.toThrow('cannot connect');
});

test('a call cancelled while it waits for its retry ends at once and leaves no timer', async () => {
  const { call, clock, peer } = harness();
  const idle = clock.pending;
  const controller = new AbortController();
  const reply = call({}, { signal: controller.signal });
  peer.next().reply({ status: 503, headers: { 'retry-after': '5' } });
  await settled();
  controller.abort(new Error('changed my mind'));
  const ended = await outcome(reply);
  expect(ended).toMatchObject({ error: { code: 'MESH_CANCELLED', cause: { message: 'changed my mind' } } });
  expect(clock.pending).toBe(idle);
});

test('a call that its caller gave up is not retried, and is none of those that might have been', async () => {
  for (const end of ['fails', 'was answered'] as const) {
    const { call, clock, peer, metrics } = harness();
    const controller = new AbortController();
    const reply = call({}, { signal: controller.signal });
    const arrival = peer.next();
    if (end === 'was answered') arrival.reply({ status: 503 });
    controller.abort();
    if (end === 'fails') arrival.fail(reset());
    expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
    await clock.advance(1_000);
    expect(peer.waiting).toBe(0);
    const counted = metrics.read().filter(({ name }) => /^retries/.test(name));
    expect(counted.filter((one) => one.kind !== 'histogram' && one.value > 0)).toEqual([]);
  }
});

test("an error that the mesh does not know is the application's own and is not retried", async () => {
  const { call, clock, peer, seen } = harness();
  for (let i = 0; i < 10; i++) {
    const reply = call();
    const error = Object.freeze(new TypeError('invalid header')); // it is not to be written on
    peer.next().fail(error);
    await clock.advance(100);
    expect(await outcome(reply)).toEqual({ error });
  }
  expect(peer.waiting).toBe(0);
  expect(seen).toEqual([]);
});
