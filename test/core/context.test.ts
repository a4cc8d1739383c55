import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';

const get = { operation: 'GET', idempotent: true };
const call = () => new Context('players', get, 100);

test('a call is attempt 0 of itself', () => {
  const ctx = call();
  expect(ctx.attempt).toBe(0);
  expect(ctx.root).toBe(ctx);
  expect(ctx.parent).toBeUndefined();
  expect(ctx.deadline).toBe(Number.POSITIVE_INFINITY);
  expect(ctx.cancelled).toBeUndefined();
  expect(ctx.ended).toBe(false);
});

test('attempts count from 1 and know the one before them', () => {
  const ctx = call();
  const first = ctx.fork(110);
  const second = ctx.fork(120);
  expect([first.attempt, second.attempt]).toEqual([1, 2]);
  expect([first.startedAt, second.startedAt]).toEqual([110, 120]);
  expect(first.previous).toBeUndefined();
  expect(second.previous).toBe(first);
  expect(ctx.previous).toBe(second);
  expect(second.root).toBe(ctx);
});

test('an attempt starts with what is known of its call', () => {
  const ctx = new Context('players', { operation: 'POST', idempotent: false }, 100);
  ctx.deadline = 500;
  ctx.retried = true;
  ctx.span = 'a span';
  const attempt = ctx.fork(110);
  expect(attempt).toMatchObject({
    target: 'players',
    operation: 'POST',
    idempotent: false,
    deadline: 500,
    retried: true,
    span: 'a span',
  });
});

test('headers put on a call go out with each of its attempts; those of an attempt go nowhere else', () => {
  const ctx = call();
  ctx.headers.push('x-tenant', 'red');
  const first = ctx.fork(110);
  first.headers.push('mesh-attempt', '1');
  expect(first.headers).toEqual(['x-tenant', 'red', 'mesh-attempt', '1']);
  expect(ctx.headers).toEqual(['x-tenant', 'red']);
  expect(ctx.fork(120).headers).toEqual(['x-tenant', 'red']);
});

test('attempts share nothing that changes', () => {
  const ctx = call();
  const first = ctx.fork(110);
  const second = ctx.fork(110);
  first.verdict = 'failure';
  first.deadline = 150;
  first.cancel(new Error('too slow'));
  expect(second.verdict).toBeUndefined();
  expect(second.deadline).toBe(Number.POSITIVE_INFINITY);
  expect(second.cancelled).toBeUndefined();
  expect(ctx.cancelled).toBeUndefined();
});

test('cancelling a call cancels all its attempts, those to come too', () => {
  const ctx = call();
  const attempts = [ctx.fork(110), ctx.fork(120), ctx.fork(130)];
  const reason = new Error('the caller left');
  ctx.cancel(reason);
  attempts.push(ctx.fork(140));
  expect(attempts.map((attempt) => attempt.cancelled)).toEqual([reason, reason, reason, reason]);
});

test('only the first reason counts', () => {
  const ctx = call();
  const seen: Error[] = [];
  const first = new Error('first');
  ctx.onCancel((reason) => seen.push(reason));
  ctx.cancel(first);
  ctx.cancel(new Error('second'));
  expect(ctx.cancelled).toBe(first);
  expect(seen).toEqual([first]);
});

test('every listener hears of a cancellation once, in order, and a late one at once', () => {
  const ctx = call();
  const heard: string[] = [];
  for (const name of ['a', 'b', 'c']) ctx.onCancel(({ message }) => heard.push(`${name}: ${message}`));
  expect(heard).toEqual([]);
  ctx.cancel(new Error('enough'));
  ctx.onCancel(({ message }) => heard.push(`late: ${message}`));
  expect(heard).toEqual(['a: enough', 'b: enough', 'c: enough', 'late: enough']);
});

test('what is over cannot be cancelled', () => {
  const ctx = call();
  const heard: string[] = [];
  ctx.onCancel(() => heard.push('cancelled'));
  ctx.end();
  ctx.onCancel(() => heard.push('cancelled late'));
  ctx.cancel(new Error('too late'));
  expect(ctx.cancelled).toBeUndefined();
  expect(heard).toEqual([]);
});

test('an attempt that is over is left alone when its call is cancelled', () => {
  const ctx = call();
  const done = ctx.fork(110);
  const running = ctx.fork(120);
  done.end();
  ctx.cancel(new Error('enough'));
  expect(done.cancelled).toBeUndefined();
  expect(running.cancelled?.message).toBe('enough');
});

test('it ends once, with the error of the first time', () => {
  const ctx = call();
  const ends: unknown[] = [];
  const broken = new Error('the body was cut off');
  ctx.onEnd((error) => ends.push(error));
  ctx.onEnd((error) => ends.push(error));
  ctx.end(broken);
  ctx.end();
  expect(ctx.ended).toBe(true);
  expect(ends).toEqual([broken, broken]);
});

test('who asks after the end hears the same as those who asked before', () => {
  const ends: unknown[] = [];
  const broken = new Error('the body was cut off');
  const failed = call();
  failed.end(broken);
  failed.onEnd((error) => ends.push(error));
  const fine = call();
  fine.end();
  fine.onEnd((error) => ends.push(error));
  expect(ends).toEqual([broken, undefined]);
});

test('a call ends with the attempt that it ends with, and as it does', () => {
  const broken = new Error('the body was cut off');
  const later = call();
  const attempt = later.fork(0);
  later.endWith(attempt);
  expect(later.ended).toBe(false);
  attempt.end(broken);
  const over = call();
  over.endWith(attempt);
  const ends: unknown[] = [];
  for (const ctx of [later, over]) ctx.onEnd((error) => ends.push(error));
  expect(ends).toEqual([broken, broken]);
});

test('its limits are cancelled when it is over or given up, late ones at once', () => {
  let running = 0;
  const limit = () => {
    running++;
    return { cancel: () => running-- };
  };
  const ended = call();
  ended.limitBy(limit());
  ended.limitBy(limit());
  expect(running).toBe(2);
  ended.end();
  ended.limitBy(limit());
  const cancelled = call();
  cancelled.limitBy(limit());
  cancelled.cancel(new Error('enough'));
  cancelled.limitBy(limit());
  expect(running).toBe(0);
});

test('the signal aborts with the very reason of the cancellation', () => {
  const ctx = call();
  const { signal } = ctx;
  expect(ctx.signal).toBe(signal);
  expect(signal.aborted).toBe(false);
  const reason = new Error('too slow');
  ctx.cancel(reason);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBe(reason);
});

test('a signal asked for after the cancellation is already aborted', () => {
  const ctx = call();
  const reason = new Error('too slow');
  ctx.cancel(reason);
  expect(ctx.signal.aborted).toBe(true);
  expect(ctx.signal.reason).toBe(reason);
});

test('the signal of an attempt aborts with its call, and not the other way round', () => {
  const ctx = call();
  const first = ctx.fork(110);
  const second = ctx.fork(120);
  const signals = [ctx.signal, first.signal, second.signal];
  first.cancel(new Error('slow'));
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, true, false]);
  ctx.cancel(new Error('gone'));
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  expect(first.signal.reason).toEqual(new Error('slow'));
});
