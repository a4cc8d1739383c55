import { expect, test } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';

test('time stands still until it is moved, on both clocks alike', async () => {
  const clock = new ManualClock(500, Date.UTC(2030, 0, 1));
  expect([clock.now(), clock.wall()]).toEqual([500, Date.UTC(2030, 0, 1)]);
  await clock.advance(250);
  expect([clock.now(), clock.wall()]).toEqual([750, Date.UTC(2030, 0, 1) + 250]);
});

test('timers run in the order of their times, then of their making, each at its own time', async () => {
  const clock = new ManualClock(0);
  const ran: string[] = [];
  const note = (name: string) => () => ran.push(`${name} at ${clock.now()}`);
  clock.after(20, note('c'));
  clock.after(10, note('a'));
  clock.background(10, note('b'));
  clock.after(31, note('too late'));
  await clock.advance(30);
  expect(ran).toEqual(['a at 10', 'b at 10', 'c at 20']);
  expect(clock.now()).toBe(30);
  expect(clock.pending).toBe(1);
});

test('a timer set by a timer runs in the same advance, when its time is in it', async () => {
  const clock = new ManualClock(0);
  const ran: number[] = [];
  const again = () => {
    ran.push(clock.now());
    clock.after(10, again);
  };
  clock.after(0, again);
  await clock.advance(25);
  expect(ran).toEqual([0, 10, 20]);
});

test('a cancelled timer does not run and is not pending', async () => {
  const clock = new ManualClock(0);
  let ran = false;
  const timer = clock.after(10, () => {
    ran = true;
  });
  timer.cancel();
  expect(clock.pending).toBe(0);
  await clock.advance(100);
  timer.cancel();
  expect(ran).toBe(false);
});

test('promises that are settled get their turn before, between and after the timers', async () => {
  const clock = new ManualClock(0);
  const log: string[] = [];
  const chain = async (name: string) => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    log.push(name);
  };
  const before = chain('before');
  clock.after(10, () => {
    log.push('first');
    between = chain('between');
  });
  let between: Promise<void> | undefined;
  let last: Promise<void> | undefined;
  clock.after(10, () => {
    log.push('second');
    last = chain('after');
  });
  await clock.advance(10);
  expect(log).toEqual(['before', 'first', 'between', 'second', 'after']);
  await Promise.all([before, between, last]);
});
