import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import type { PutFilters } from '../../src/client/filter-stack.ts';
import type { Priority } from '../../src/core/priority.ts';
import type { MockRequest, MockResponse } from '../../src/testing/mock-peer.ts';
import { harness, outcome, settled } from '../support/harness.ts';

test('a call above the limit is refused before it is sent, and a place that is free again is used', async () => {
  const { call, peer, metrics } = harness({ concurrency: 2 });
  const running = [call(), call()];
  await expect(call()).rejects.toMatchObject({
    code: 'MESH_REFUSED',
    resend: 'never',
    attempts: 0,
    message: "'players' already has 2 calls running from this process",
  });
  expect(metrics.value('calls_refused', { service: 'players', reason: 'concurrency' })).toBe(1);
  peer.next().reply({ status: 200 });
  await running[0];
  const next = call();
  expect(peer.waiting).toBe(2);
  peer.next().fail(new Error('no'));
  peer.next().reply({ status: 200 });
  await expect(running[1]).rejects.toThrow('no');
  await next;
  const again = [call(), call()];
  expect(peer.waiting).toBe(2);
  peer.next().reply({ status: 200 });
  peer.next().reply({ status: 200 });
  await Promise.all(again);
});

test('a retry does not queue behind itself', async () => {
  const { call, clock, peer } = harness({ concurrency: 1 });
  const reply = call();
  peer.next().reply({ status: 503 });
  await clock.advance(25);
  peer.next().reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
});

test('a call counts until the end of its body', async () => {
  const { call, peer } = harness({ concurrency: 1, retry: false });
  const first = call();
  const arrival = peer.next();
  arrival.replyHead({ status: 200 });
  expect(await first).toEqual({ status: 200 });
  await expect(call()).rejects.toMatchObject({ reason: 'concurrency' });
  arrival.ctx.end();
  const second = call();
  peer.next().reply({ status: 200 });
  expect(await second).toEqual({ status: 200 });
});

test('a call above the limit waits with a queue, within its time, and goes on when another ends', async () => {
  const { call, peer, clock, metrics } = harness({ concurrency: 1, queue: { intervalMs: 500 }, retry: false });
  const first = call();
  const second = call();
  await clock.advance(400);
  expect(peer.waiting).toBe(1);
  peer.next().fail(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await settled();
  expect(peer.waiting).toBe(1);
  const third = call();
  await clock.advance(499);
  expect(await outcome(third)).toBe('pending');
  await clock.advance(2);
  await expect(third).rejects.toMatchObject({
    code: 'MESH_REFUSED',
    reason: 'concurrency',
    attempts: 0,
    message: "'players' already has 1 calls running from this process, and there was no place for one more in time",
  });
  peer.next().reply({ status: 200 });
  expect(await second).toEqual({ status: 200 });
  expect(metrics.value('calls_waited', { service: 'players' })).toBe(2);
  expect(metrics.value('calls_refused', { service: 'players', reason: 'concurrency' })).toBe(1);
});

test('the time that a call waited is not that of its attempt', async () => {
  const { call, peer, clock } = harness({
    concurrency: 1,
    queue: { intervalMs: 500 },
    attemptTimeoutMs: 450,
    retry: false,
  });
  const first = call();
  const second = call();
  await clock.advance(400);
  peer.next().reply({ status: 200 });
  await first;
  await settled();
  const { ctx, reply } = peer.next();
  await clock.advance(100);
  expect([ctx.startedAt, clock.now() - ctx.startedAt]).toEqual([clock.now() - 100, 100]);
  expect(await outcome(second)).toBe('pending');
  reply({ status: 200 });
  expect(await second).toEqual({ status: 200 });
});

test('of those that wait the more important go first; who gives up, or has no place, takes none', async () => {
  const { call, peer, metrics } = harness({ concurrency: 1, queue: { size: 2 }, retry: false });
  const as = (priority: Priority, signal?: AbortSignal) =>
    call(
      { headers: { 'x-priority': priority } },
      {
        ...(signal && { signal }),
        prepare: (ctx) => {
          ctx.priority = priority;
        },
      },
    );
  const next = async () => {
    await settled();
    const arrival = peer.next();
    arrival.reply({ status: 200 });
    return arrival.req.headers?.['x-priority'];
  };
  const giveUp = new AbortController();
  void as('default');
  const gone = as('critical', giveUp.signal);
  const sheddable = as('sheddable');
  void as('default');
  await expect(sheddable).rejects.toMatchObject({ reason: 'concurrency' });
  await expect(as('sheddable')).rejects.toMatchObject({ reason: 'concurrency' });
  giveUp.abort();
  await expect(gone).rejects.toMatchObject({ code: 'MESH_CANCELLED' });
  void as('critical');
  expect([await next(), await next(), await next()]).toEqual(['default', 'critical', 'default']);
  await settled();
  expect(peer.waiting).toBe(0);
  expect(metrics.value('calls_waited', { service: 'players' })).toBe(5);
});

test('one that waited goes on in the context of its caller, not of what made room for it', async () => {
  const whose = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const look: PutFilters<MockRequest, MockResponse> = (stack) =>
    stack.insertAfter('concurrency', 'look', (next) => (req, ctx) => {
      seen.push(whose.getStore());
      return next(req, ctx);
    });
  const { call, peer } = harness({ concurrency: 1, queue: {}, filters: look });
  const all = [whose.run('first', () => call()), whose.run('second', () => call())];
  peer.next().reply({ status: 200 });
  await settled();
  peer.next().reply({ status: 200 });
  await Promise.all(all);
  expect(seen).toEqual(['first', 'second']);
});

test('a queue where nothing is limited is refused', () => {
  expect(() => harness({ concurrency: false, queue: {} })).toThrow(
    'services.players.queue must be false where services.players.concurrency is false, not an object',
  );
});
