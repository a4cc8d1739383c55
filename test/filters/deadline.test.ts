import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const headersOf = (headers: readonly string[]): Record<string, string> => {
  const all: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2) all[headers[i] ?? ''] = headers[i + 1] ?? '';
  return all;
};

test('a call ends at its deadline, all attempts together, and cancels what is under way', async () => {
  const { call, clock, peer, metrics } = harness({ deadlineMs: 4_000, attemptTimeoutMs: 3_000 });
  const reply = call();
  const first = peer.next();
  await clock.advance(3_100);
  const second = peer.next();
  await clock.advance(898);
  expect(await outcome(reply)).toBe('pending');
  await clock.advance(2);
  expect(await outcome(reply)).toMatchObject({
    error: { code: 'MESH_DEADLINE', message: "the call to 'players' did not end within 4000 ms" },
  });
  expect(first.ctx.cancelled).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
  expect(second.ctx.cancelled).toMatchObject({ code: 'MESH_DEADLINE' });
  expect(metrics.value('calls_expired', { service: 'players' })).toBe(1);
});

test('F43: the limit of an attempt covers its body', async () => {
  const { call, clock, peer } = harness({ attemptTimeoutMs: 1_000 });
  const reply = call();
  const { ctx, replyHead } = peer.next();
  replyHead({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
  await clock.advance(1_000);
  expect(ctx.cancelled).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
});

test('a body that ends in time leaves no timer', async () => {
  const { call, clock, peer } = harness();
  const idle = clock.pending;
  const reply = call();
  const { ctx, replyHead } = peer.next();
  replyHead({ status: 200 });
  await reply;
  expect(clock.pending).toBe(idle + 2);
  ctx.end();
  expect(clock.pending).toBe(idle);
});

test.each([-1, 0])('F67: a call for a request that has expired is not sent (%i ms left)', async (leftMs) => {
  const { call, clock, peer, metrics } = harness();
  const ambient = { trace: undefined, baggage: '', deadline: clock.now() + leftMs, retried: false };
  await expect(runAmbient(ambient, () => call())).rejects.toMatchObject({
    code: 'MESH_DEADLINE',
    inherited: true,
    attempts: 0,
    message: "the call to 'players' was not sent: the request it is made for has already expired",
  });
  expect([peer.waiting, metrics.value('calls_expired', { service: 'players' })]).toEqual([0, 1]);
});

test.each([
  ['the request has less time', 100, 1_000, 100, true],
  ['the call has less time', 1_000, 100, 100, false],
  ['both have the same', 100, 100, 100, false],
  ['the call has any time', 100, false, 100, true],
] as const)(
  'a call ends with what is over first, and says which: %s',
  async (_, handedMs, deadlineMs, ms, inherited) => {
    const { call, clock, metrics } = harness({ deadlineMs, attemptTimeoutMs: false });
    const ambient = { trace: undefined, baggage: '', deadline: clock.now() + handedMs, retried: false };
    const reply = runAmbient(ambient, () => call());
    await clock.advance(ms - 1);
    expect(await outcome(reply)).toBe('pending');
    await clock.advance(1);
    expect(await outcome(reply)).toMatchObject({
      error: { code: 'MESH_DEADLINE', inherited, message: `the call to 'players' did not end within ${ms} ms` },
    });
    expect(metrics.value('calls_expired', { service: 'players' })).toBe(1);
  },
);

test('F68: the time that is left travels as a duration, each hop with less', async () => {
  const { call, clock, peer } = harness();
  const ambient = { trace: undefined, baggage: '', deadline: clock.now() + 200, retried: false };
  const reply = runAmbient(ambient, () => call());
  const first = peer.next();
  expect(headersOf(first.ctx.headers)['mesh-timeout-ms']).toBe('200');
  await clock.advance(60);
  first.reply({ status: 503 });
  await clock.advance(25);
  const second = peer.next();
  const left = Number(headersOf(second.ctx.headers)['mesh-timeout-ms']);
  expect(left).toBeGreaterThanOrEqual(115);
  expect(left).toBeLessThan(140);
  second.reply({ status: 200 });
  await reply;
});

test('a server is told the time of the attempt where the call has more, and that of the call where it has less', async () => {
  const { call, clock, peer } = harness({ deadlineMs: 4_000, attemptTimeoutMs: 3_000 });
  const reply = call();
  expect(headersOf(peer.next().ctx.headers)['mesh-timeout-ms']).toBe('3000');
  await clock.advance(3_025);
  const second = peer.next();
  const leftMs = Number(headersOf(second.ctx.headers)['mesh-timeout-ms']);
  expect(leftMs).toBeGreaterThanOrEqual(975);
  expect(leftMs).toBeLessThanOrEqual(1_000);
  second.reply({ status: 200 });
  await reply;
});

test('F69: a response that comes after the call was given up is given back to be freed', async () => {
  const { call, clock, peer } = harness({ attemptTimeoutMs: 100, retry: false });
  const reply = call();
  const { replyHead } = peer.next();
  await clock.advance(100);
  replyHead({ status: 200 });
  await settled();
  await expect(reply).rejects.toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
  expect(peer.discarded).toEqual([{ status: 200 }]);
});

test('F70: an abort of the caller ends the call at once, counts against nobody and leaves no listener', async () => {
  const { call, clock, peer, seen, target } = harness();
  const idle = clock.pending;
  const controller = new AbortController();
  for (let i = 0; i < 20; i++) {
    const { signal } = new AbortController();
    const fine = call({}, { signal });
    peer.next().reply({ status: 200 });
    await fine;
    expect(getEventListeners(signal, 'abort').length).toBe(0);
  }
  const replies = Array.from({ length: 100 }, () => call({}, { signal: controller.signal }));
  expect(getEventListeners(controller.signal, 'abort').length).toBe(100);
  controller.abort();
  for (const reply of replies) expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect(getEventListeners(controller.signal, 'abort').length).toBe(0);
  expect(seen).toEqual([]);
  expect(clock.pending).toBe(idle);
  expect(target.nodes.nodes.every((node) => node.running === 0)).toBe(true);
});

test('a call whose signal was aborted before is not sent', async () => {
  const { call, peer } = harness();
  await expect(call({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'MESH_CANCELLED' });
  expect(peer.waiting).toBe(0);
});

test('with both limits off nothing but the caller ends a call', async () => {
  const { call, clock, peer } = harness({ deadlineMs: false, attemptTimeoutMs: false });
  const reply = call();
  await clock.advance(3_600_000);
  const { ctx, reply: answer } = peer.next();
  expect(headersOf(ctx.headers)['mesh-timeout-ms']).toBe(undefined);
  answer({ status: 200 });
  expect(await reply).toEqual({ status: 200 });
});
