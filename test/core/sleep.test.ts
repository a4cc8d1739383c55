import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { repeat } from '../../src/core/repeat.ts';
import { sleep } from '../../src/core/sleep.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

const context = () => new Context('players', { operation: 'GET', idempotent: true }, 0);

test('it sleeps exactly as long as asked', async () => {
  const clock = new ManualClock();
  let awake = false;
  const sleeping = sleep(clock, 100, context()).then(() => {
    awake = true;
  });
  await clock.advance(99);
  expect(awake).toBe(false);
  await clock.advance(1);
  await sleeping;
  expect(awake).toBe(true);
  expect(clock.pending).toBe(0);
});

test('a cancellation wakes it at once with its reason, and leaves no timer', async () => {
  const clock = new ManualClock();
  const ctx = context();
  const sleeping = sleep(clock, 100, ctx);
  const reason = new Error('the caller left');
  ctx.cancel(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect(clock.pending).toBe(0);
});

test('who was cancelled before does not fall asleep', async () => {
  const clock = new ManualClock();
  const ctx = context();
  const reason = new Error('the caller left');
  ctx.cancel(reason);
  await expect(sleep(clock, 100, ctx)).rejects.toBe(reason);
  expect(clock.pending).toBe(0);
});

test('what is repeated asks for each wait anew, until it is cancelled', async () => {
  const clock = new ManualClock(0);
  const waits = [10, 20, 30, 40];
  const ran: number[] = [];
  const repeated = repeat(
    clock,
    () => waits.shift() ?? 1_000,
    () => ran.push(clock.now()),
  );
  await clock.advance(60);
  expect(ran).toEqual([10, 30, 60]);
  repeated.cancel();
  await clock.advance(10_000);
  expect(ran).toEqual([10, 30, 60]);
  expect(clock.pending).toBe(0);
});

test('what is repeated may cancel itself', async () => {
  const clock = new ManualClock(0);
  let runs = 0;
  const repeated = repeat(
    clock,
    () => 10,
    () => {
      runs++;
      repeated.cancel();
    },
  );
  await clock.advance(100);
  expect(runs).toBe(1);
  expect(clock.pending).toBe(0);
});
