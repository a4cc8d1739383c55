import { expect, test } from 'vitest';
import type { MirrorOptions } from '../../src/filters/mirror-options.ts';
import { ConfigError } from '../../src/index.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';

function setup(mirror: Partial<MirrorOptions> = {}, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ mirror: { service: 'next', ...mirror }, others: ['next'], ...options });
  const ended = (name: string) => made.metrics.value('mirrors', { service, outcome: name });
  const dropped = (reason: string) => made.metrics.value('mirrors_dropped', { service, reason });
  /** The call, and its copy, which stand one behind the other. */
  const both = async (...given: Parameters<typeof made.call>) => {
    const reply = made.call(...given);
    await settled();
    return { reply, own: made.peer.next(), copy: made.peer.waiting > 0 ? made.peer.next() : undefined };
  };
  return { ...made, ended, dropped, both };
}

test('a call is copied to the other service, and answered without it', async () => {
  const { both, peer, ended, clock, target } = setup();
  const { reply, own, copy } = await both({ path: '/a', headers: { accept: '*/*' } });
  expect([own.ctx.target, copy?.ctx.target]).toEqual([service, 'next']);
  expect(copy?.req).toEqual({ path: '/a', headers: { accept: '*/*' } });
  expect(copy?.ctx.trace?.traceId).toBe(own.ctx.trace?.traceId);
  expect(copy?.ctx.priority).toBe('sheddable');
  own.reply({ status: 200, body: 'own' });
  expect(await reply).toEqual({ status: 200, body: 'own' });
  expect(target.copies.running).toBe(1);
  await clock.advance(100);
  copy?.reply({ status: 200, body: 'copy' });
  await settled();
  expect(peer.drained).toEqual([{ status: 200, body: 'copy' }]);
  expect([ended('success'), ended('failure'), target.copies.running]).toEqual([1, 0, 0]);
});

test('a copy that fails is sent once, and its call does not notice', async () => {
  const { both, ended, peer, target, clock } = setup();
  const first = await both();
  first.copy?.reply({ status: 503 });
  first.own.reply({ status: 200 });
  expect(await first.reply).toEqual({ status: 200 });
  const second = await both();
  second.copy?.fail(new Error('no'));
  second.own.reply({ status: 200 });
  expect(await second.reply).toEqual({ status: 200 });
  await clock.advance(1_000);
  expect([peer.waiting, ended('failure'), target.copies.running]).toEqual([0, 2, 0]);
});

test('a copy that is never answered ends with the time of its service, and no more are made than the limit', async () => {
  const { call, peer, dropped, target, clock } = setup({ concurrency: 2 });
  const idle = clock.pending;
  for (let i = 0; i < 5; i++) {
    const reply = call();
    await settled();
    peer.next().reply({ status: 200 });
    expect(await reply).toEqual({ status: 200 });
    while (peer.waiting > 0) peer.next();
  }
  expect([target.copies.running, dropped('concurrency')]).toEqual([2, 3]);
  await clock.advance(3_000);
  expect([target.copies.running, clock.pending]).toEqual([0, idle]);
});

test('a caller that gives up does not end the copy, nor does its deadline', async () => {
  const { both } = setup();
  const controller = new AbortController();
  const prepare = (ctx: { deadline: number; startedAt: number }) => {
    ctx.deadline = ctx.startedAt + 50;
  };
  const { reply, copy } = await both({}, { signal: controller.signal, prepare });
  controller.abort();
  expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect(copy?.ctx.cancelled).toBeUndefined();
  expect((copy?.ctx.deadline ?? 0) - (copy?.ctx.startedAt ?? 0)).toBe(3_000);
  copy?.reply({ status: 200 });
});

test('a POST is copied only when all methods are', async () => {
  for (const methods of ['idempotent', 'all'] as const) {
    const { both } = setup({ methods });
    const { reply, own, copy } = await both({ method: 'POST', body: 'x' });
    expect(copy?.req).toEqual(methods === 'all' ? { method: 'POST', body: 'x' } : undefined);
    own.reply({ status: 200 });
    copy?.reply({ status: 200 });
    await reply;
  }
});

test('what is streamed is not copied', async () => {
  const { both, dropped, peer, seen } = setup();
  peer.binding.describe = () => ({ operation: 'PUT', idempotent: true, streamed: true });
  const { reply, own, copy } = await both();
  expect([copy, dropped('body'), seen]).toEqual([undefined, 1, []]);
  own.reply({ status: 200 });
  await reply;
});

test('F83: what throws while a copy is made is told, and the call goes on', async () => {
  const { both, peer, seen } = setup();
  const thrown = new Error('no copy');
  const { http } = peer.binding;
  Object.assign(http ?? {}, {
    copy: () => {
      throw thrown;
    },
  });
  const { reply, own, copy } = await both();
  expect(copy).toBeUndefined();
  own.reply({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  expect(seen).toEqual([{ name: 'fault', event: { source: "mirror of 'players'", error: thrown } }]);
});

test('a share of the calls is copied', async () => {
  const { call, peer, ended } = setup({ ratio: 0.2, concurrency: 1_000 }, { breaker: false });
  for (let i = 0; i < 1_000; i++) {
    void call();
    await settled();
    while (peer.waiting > 0) peer.next().reply({ status: 200 });
    await settled();
  }
  expect(ended('success')).toBeGreaterThan(160);
  expect(ended('success')).toBeLessThan(240);
});

test('calls that are refused here are copied, and copies are not copied again', async () => {
  const { call, peer, metrics, target } = setup({}, { concurrency: 1 });
  void call();
  await settled();
  await expect(call()).rejects.toMatchObject({ reason: 'concurrency' });
  await settled();
  // The second copy is refused by the limit of its own service.
  expect(peer.waiting).toBe(2);
  expect(metrics.value('mirrors', { service, outcome: 'failure' })).toBe(1);
  expect(target.copies.running).toBe(1);
  while (peer.waiting > 0) peer.next().reply({ status: 200 });
});

test('a service that is its own copy is called once', async () => {
  const { both } = setup({ service });
  const { reply, own, copy } = await both();
  expect(copy).toBeUndefined();
  own.reply({ status: 200 });
  await reply;
});

test('a copy is sent also where the other service has an answer that is kept', async () => {
  const { both, call, peer } = setup({}, { cache: {} });
  const kept = { status: 200, headers: { 'cache-control': 'max-age=60' } };
  const { reply, own, copy } = await both();
  own.reply(kept);
  copy?.reply(kept);
  await reply;
  await settled();
  await call();
  await settled();
  expect(peer.next().ctx.target).toBe('next');
});

test('a copy counts as a call of its service, and has its fallback neither', async () => {
  const { both, metrics, ended } = setup({}, { fallback: { answer: {} } });
  const { reply, own, copy } = await both();
  copy?.reply({ status: 500 });
  own.reply({ status: 200 });
  await reply;
  await settled();
  expect(ended('failure')).toBe(1);
  expect(metrics.value('calls', { service: 'next', binding: 'mock', outcome: 'failure' })).toBe(1);
});

test.each<[Partial<MirrorOptions>, string]>([
  [{ service: 'Not a name' }, 'mirror.service must be a service name'],
  [{ ratio: 1.5 }, 'mirror.ratio must be a number from 0 to 1, not 1.5'],
  [{ concurrency: 0 }, 'mirror.concurrency must be an integer from 1 to 10000, not 0'],
])('%o is refused', (mirror, message) => {
  expect(() => setup(mirror)).toThrow(ConfigError);
  expect(() => setup(mirror)).toThrow(message);
});
