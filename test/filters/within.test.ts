import { expect, test } from 'vitest';
import { within } from '../../src/filters/within.ts';
import { CancelledError } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { callTo } from '../support/scope.ts';

function setup() {
  const clock = new ManualClock();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const ctx = callTo();
  return { clock, ctx, resolve, reject, bounded: within(promise, 100, clock, ctx) };
}

test('what settles in time is what comes of it, and no timer is left', async () => {
  const good = setup();
  good.resolve('good');
  expect(await good.bounded).toBe('good');
  expect(good.clock.pending).toBe(0);
  const bad = setup();
  bad.reject(new Error('bad'));
  await expect(bad.bounded).rejects.toThrow('bad');
  expect(bad.clock.pending).toBe(0);
});

test('what takes longer is given up at its time', async () => {
  const { clock, bounded, resolve } = setup();
  const error = bounded.catch((thrown: unknown) => thrown);
  await clock.advance(99);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  resolve('late');
  expect(await error).toEqual(new Error('it took longer than 100 ms'));
});

test('it is given up with its call, for the same reason', async () => {
  const { clock, ctx, bounded } = setup();
  const reason = new CancelledError('players');
  ctx.cancel(reason);
  await expect(bounded).rejects.toBe(reason);
  expect(clock.pending).toBe(0);
});
