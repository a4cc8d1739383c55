import { expect, test } from 'vitest';
import { LoadReading } from '../../src/balancer/load-reading.ts';
import { ConnectError } from '../../src/core/errors.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';

/** A client that has seen a hundred calls answered within 10 ms. */
async function warm(options: Parameters<typeof harness>[0] = {}) {
  const all = harness({ hedge: { budgetRatio: 0.1 }, breaker: false, ...options });
  await answered(all, 100);
  return all;
}

async function answered(
  { call, clock, peer }: ReturnType<typeof harness>,
  calls: number,
  ms = 10,
  status = 200,
): Promise<void> {
  for (let i = 0; i < calls; i++) {
    const reply = call();
    const first = peer.next();
    await clock.advance(ms);
    while (peer.waiting > 0) peer.next(); // a second attempt is overtaken
    first.reply({ status });
    expect(await reply).toEqual({ status });
  }
}

/** After how many milliseconds a call is sent a second time. */
async function secondAfter({ call, clock, peer }: ReturnType<typeof harness>): Promise<number> {
  const reply = call();
  const first = peer.next();
  let ms = 0;
  for (; peer.waiting === 0; ms++) await clock.advance(1);
  peer.next();
  first.reply({ status: 200 });
  await reply;
  return ms;
}

test('a call that takes longer than nearly all of late goes to a second endpoint, and the first answer is its own', async () => {
  const { call, clock, peer, metrics, target } = await warm();
  const idle = clock.pending;
  const reply = call();
  const first = peer.next();
  await clock.advance(9);
  expect(peer.waiting).toBe(0);
  await clock.advance(1);
  const second = peer.next();
  expect(second.ctx.endpoint?.id).not.toBe(first.ctx.endpoint?.id);
  second.reply({ status: 200, body: 'second' });
  expect(await reply).toEqual({ status: 200, body: 'second' });
  expect(first.ctx.cancelled?.message).toBe("another attempt at 'players' was answered first");
  expect(first.ctx.ended).toBe(true);
  expect(metrics.value('hedges', { service })).toBe(1);
  expect(metrics.value('hedges_won', { service })).toBe(1);
  expect(clock.pending).toBe(idle);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
});

test('when a call is sent a second time follows what the service takes of late', async () => {
  const all = await warm();
  expect(await secondAfter(all)).toBe(10);
  for (const ms of [30, 5]) {
    await answered(all, 1_000, ms);
    // What the calls above used of the budget is forgotten, and there are others to have it from.
    await all.clock.advance(10_000);
    await answered(all, 50, ms - 1);
    expect(await secondAfter(all)).toBe(ms);
  }
});

test.each([
  [0.5, 51],
  [0.9, 91],
])('with a quantile of %d that is when so many of them were answered', async (quantile, ms) => {
  const all = harness({ hedge: { budgetRatio: 0.1, quantile }, breaker: false });
  for (let i = 0; i < 100; i++) await answered(all, 1, 1 + ((i * 37) % 100));
  expect(await secondAfter(all)).toBe(ms);
});

test('the last thousand calls are remembered', async () => {
  const all = await warm({ hedge: { budgetRatio: 0.1, quantile: 0.5 } });
  await answered(all, 400);
  await answered(all, 400, 30);
  await all.clock.advance(10_000);
  await answered(all, 50, 9);
  expect(await secondAfter(all)).toBe(10);
});

test('failures, which are fast, say nothing of that', async () => {
  const cold = harness({ hedge: { budgetRatio: 0.1 }, breaker: false, health: false });
  await answered(cold, 200, 1, 500);
  await answered(cold, 100);
  await answered(cold, 1_000, 1, 500);
  expect(await secondAfter(cold)).toBe(10);
});

test.each(['HEAD', 'OPTIONS'])('a %s is sent twice as a GET is', async (method) => {
  const { call, clock, peer } = await warm();
  const reply = call({ method });
  await clock.advance(10);
  expect(peer.waiting).toBe(2);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await reply;
});

test('F72: what was overtaken is cancelled, says nothing about its endpoint, and is freed when it answers after all', async () => {
  const { call, clock, peer, metrics, seen } = await warm();
  const reply = call();
  const first = peer.next();
  await clock.advance(10);
  const second = peer.next();
  first.replyHead({ status: 200, body: 'first' });
  expect(await reply).toEqual({ status: 200, body: 'first' });
  expect(second.ctx.cancelled).toMatchObject({ code: 'MESH_CANCELLED' });
  expect(second.ctx.verdict).toBe('ignorable');
  first.ctx.end();
  second.replyHead({ status: 200, body: 'late' });
  await settled();
  expect(peer.discarded).toEqual([{ status: 200, body: 'late' }]);
  expect(seen).toEqual([]);
  expect(metrics.value('hedges_won', { service })).toBe(0);
  const endpoint = second.ctx.endpoint?.id ?? '';
  expect(metrics.value('attempts', { service, endpoint, outcome: 'ignorable' })).toBe(1);
});

test('F72: of two answers that come at the same moment one is that of the call, and the other is freed', async () => {
  const { call, clock, peer } = await warm();
  const reply = call();
  const first = peer.next();
  await clock.advance(10);
  const second = peer.next();
  first.replyHead({ status: 200, body: 'first' });
  second.replyHead({ status: 200, body: 'second' });
  expect(await reply).toEqual({ status: 200, body: 'first' });
  await settled();
  expect(peer.discarded).toEqual([{ status: 200, body: 'second' }]);
  first.ctx.end();
  second.ctx.end();
});

test('F72: what was overtaken late tells the balancer that its endpoint takes longer, and its health nothing', async () => {
  const { call, clock, peer, target, seen } = await warm({ health: { failures: 1 } });
  const reply = call();
  const first = peer.next();
  await clock.advance(25);
  peer.next().reply({ status: 200 });
  await reply;
  const slow = target.nodes.nodes.find(({ endpoint }) => endpoint.id === first.ctx.endpoint?.id);
  const reading = new LoadReading();
  slow?.read(reading, clock.now());
  expect(reading.serviceMs).toBeCloseTo(10 + 0.25 * (2 * 25 - 10), 1); // 25 ms after the last answer
  expect([slow?.health.fitness(clock.now()), reading.failing, seen]).toEqual(['up', 0, []]);
});

test('F72: second attempts stay within their budget when everything is slow', async () => {
  const { call, clock, peer, metrics } = await warm({ hedge: {} });
  const replies = Array.from({ length: 100 }, () => call());
  await clock.advance(10);
  expect(peer.waiting).toBe(104); // 2 % of the 200 calls of the last ten seconds
  expect(metrics.value('hedges', { service })).toBe(4);
  expect(metrics.value('hedges_refused', { service, reason: 'budget' })).toBe(96);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
  await Promise.all(replies);
});

test.each([
  ['a POST', { method: 'POST' }, {}],
  ['a PUT, whose body cannot be read twice at once', { method: 'PUT' }, {}],
  ['a call for a request that is itself a retry', {}, { retried: true }],
  ['a call that may be sent once', {}, { maxAttempts: 1 }],
])('F72: %s is not sent twice', async (_, req, changes) => {
  const { call, clock, peer } = await warm();
  const reply = call(req, { prepare: (ctx) => Object.assign(ctx, changes) });
  await clock.advance(1_000);
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await reply;
});

test.each([
  ['that must not run twice', { operation: 'GET', idempotent: false }],
  ['whose body is a stream', { operation: 'GET', idempotent: true, streamed: true }],
])('F72: a GET %s is not sent twice', async (_, description) => {
  const { call, clock, peer } = await warm();
  peer.binding.describe = () => description;
  const reply = call();
  await clock.advance(1_000);
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await reply;
});

test('nothing is sent twice before a hundred calls were answered, nor with no other endpoint', async () => {
  const cold = harness({ hedge: {} });
  await answered(cold, 99);
  const early = cold.call();
  await cold.clock.advance(1_000);
  expect(cold.peer.waiting).toBe(1);
  cold.peer.next().reply({ status: 200 });
  await early;

  const { call, clock, peer, metrics } = await warm({ endpoints: 1 });
  const alone = call();
  await clock.advance(1_000);
  expect(peer.waiting).toBe(1);
  expect(metrics.value('hedges_refused', { service, reason: 'endpoints' })).toBe(1);
  peer.next().reply({ status: 200 });
  await alone;
});

test('an attempt that fails while the other is under way is not the last word', async () => {
  const { call, clock, peer } = await warm();
  const reply = call();
  const first = peer.next();
  await clock.advance(10);
  const second = peer.next();
  first.fail(new ConnectError(service, first.ctx.endpoint?.id, new Error('refused')));
  await settled();
  expect(await outcome(reply)).toBe('pending');
  second.reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
});

test('an answer that says to try again is freed while the other is under way, and the call is the other', async () => {
  const { call, clock, peer, metrics } = await warm();
  const reply = call();
  const first = peer.next();
  await clock.advance(10);
  const second = peer.next();
  first.reply({ status: 503, body: 'busy' });
  await settled();
  expect(await outcome(reply)).toBe('pending');
  second.reply({ status: 200, body: 'second' });
  expect(await reply).toEqual({ status: 200, body: 'second' });
  expect(peer.discarded).toEqual([{ status: 503, body: 'busy' }]);
  expect([metrics.value('hedges_won', { service }), metrics.value('retries', { service })]).toEqual([1, 0]);
});

test('a retry is not sent twice', async () => {
  const { call, clock, peer } = await warm();
  const reply = call();
  peer.next().reply({ status: 503 });
  await clock.advance(25);
  expect(peer.waiting).toBe(1);
  await clock.advance(1_000);
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await reply;
});

test('when both fail the call is retried, and counts both against its attempts', async () => {
  const { call, clock, peer } = await warm({ retry: { attempts: 3 } });
  const reply = call();
  const first = peer.next();
  await clock.advance(10);
  const second = peer.next();
  first.reply({ status: 503 });
  second.reply({ status: 503, body: 'second' });
  await clock.advance(250);
  const third = peer.next();
  expect(third.ctx.attempt).toBe(3);
  third.reply({ status: 503, body: 'third' });
  await clock.advance(1_000);
  expect(peer.waiting).toBe(0);
  expect(await reply).toEqual({ status: 503, body: 'third' });
});

test('a caller that gives up ends both attempts and leaves no timer', async () => {
  const { call, clock, peer, target } = await warm();
  const idle = clock.pending;
  for (const waitMs of [5, 10]) {
    const controller = new AbortController();
    const reply = call({}, { signal: controller.signal });
    await clock.advance(waitMs);
    controller.abort();
    expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
    expect(clock.pending).toBe(idle);
  }
  expect(peer.waiting).toBe(3);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
});

test('options of hedging that make no sense are refused', () => {
  expect(() => harness({ hedge: { quantile: 1 } })).toThrow('hedge.quantile must be a number from 0.5 to 0.999, not 1');
  expect(() => harness({ hedge: { budgetRatio: 0.5 } })).toThrow(
    'hedge.budgetRatio must be a number from 0.001 to 0.1, not 0.5',
  );
});
