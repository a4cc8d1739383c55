import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Timer, TimerWheel } from '../../src/core/timer-wheel.ts';
import { FakePlatform } from '../support/fake-alarm.ts';

const TICK_MS = 4;
/** A tick, and the fraction of a millisecond that the platform cannot wait for. */
const LATE_MS = TICK_MS + 1;
const TURN_MS = 1024 * TICK_MS;

function setup(start = 0) {
  const platform = new FakePlatform(start);
  const wheel = new TimerWheel(platform.now, platform.setAlarm);
  const fired: string[] = [];
  const add = (delayMs: number, name = `${delayMs}`, held = true) => wheel.add(delayMs, () => fired.push(name), held);
  return { platform, wheel, fired, add };
}

test('a timer fires at its time and at most one tick later', () => {
  const { platform, fired, add } = setup(1);
  add(10);
  platform.runTo(10.9);
  expect(fired).toEqual([]);
  platform.runTo(11 + LATE_MS);
  expect(fired).toEqual(['10']);
});

test('a timer without delay fires with the next tick, not at once', () => {
  const { platform, fired, add } = setup();
  add(0);
  add(-5);
  expect(fired).toEqual([]);
  platform.runTo(LATE_MS);
  expect(fired.sort()).toEqual(['-5', '0']);
});

test('a cancelled timer does not fire, and cancelling again is harmless', () => {
  const { platform, wheel, fired, add } = setup();
  const timer = add(10);
  add(20);
  timer.cancel();
  timer.cancel();
  expect(wheel.size).toBe(1);
  platform.runTo(100);
  timer.cancel();
  expect(fired).toEqual(['20']);
  expect(wheel.size).toBe(0);
});

test('a timer may cancel every other timer of its tick, whatever their order', () => {
  for (let canceller = 0; canceller < 5; canceller++) {
    const { platform, wheel, fired, add } = setup();
    const timers: Timer[] = [];
    for (let i = 0; i < 5; i++) {
      if (i !== canceller) timers.push(add(10, `${i}`));
      else
        timers.push(
          wheel.add(
            10,
            () => {
              fired.length = 0;
              for (const timer of timers) timer.cancel();
              fired.push('canceller');
            },
            true,
          ),
        );
    }
    platform.runTo(100);
    expect(fired).toEqual(['canceller']);
    expect(wheel.size).toBe(0);
  }
});

test('a timer set by a timer fires in its turn, even without delay', () => {
  const { platform, wheel, fired } = setup();
  let left = 3;
  const again = (): void => {
    fired.push(`${platform.time}`);
    if (--left > 0) wheel.add(0, again, true);
  };
  wheel.add(TICK_MS, again, true);
  platform.runTo(100);
  expect(fired).toEqual(['4', '8', '12']);
});

test('a timer of a later turn waits for its turn in the slot it shares', () => {
  const { platform, fired, add } = setup();
  add(8 + 2 * TURN_MS, 'later');
  add(8, 'now');
  platform.runTo(8);
  expect(fired).toEqual(['now']);
  platform.runTo(7 + 2 * TURN_MS);
  expect(fired).toEqual(['now']);
  platform.runTo(8 + 2 * TURN_MS);
  expect(fired).toEqual(['now', 'later']);
});

test('a timer of forty days fires, although no platform can wait that long at once', () => {
  const { platform, fired, add } = setup();
  const delayMs = 40 * 86_400_000;
  add(delayMs);
  platform.sleepTo(delayMs - 5_000);
  platform.runTo(delayMs - 1);
  expect(fired).toEqual([]);
  platform.runTo(delayMs);
  expect(fired).toHaveLength(1);
});

test('all that fell due while the process slept for many turns fires when it wakes, and nothing else', () => {
  const { platform, wheel, fired, add } = setup();
  for (const delayMs of [4, 400, TURN_MS, TURN_MS + 400, 3 * TURN_MS]) add(delayMs);
  add(5 * TURN_MS + 400, 'not yet');
  platform.sleepTo(5 * TURN_MS);
  expect(fired.length).toBe(5);
  expect(wheel.size).toBe(1);
  platform.runTo(5 * TURN_MS + 400);
  expect(fired.at(-1)).toBe('not yet');
});

test('the process stays alive exactly while a held timer is pending', () => {
  const { platform, add } = setup();
  add(1_000, 'background', false);
  expect(platform.held).toBe(false);
  const first = add(500);
  const second = add(2_000);
  expect(platform.held).toBe(true);
  first.cancel();
  expect(platform.held).toBe(true);
  platform.runTo(1_500);
  expect(platform.held).toBe(true);
  second.cancel();
  expect(platform.held).toBe(false);
});

test('one timer costs one alarm, although the platform waits for whole milliseconds only', () => {
  const { platform, add } = setup(0.3);
  add(10);
  platform.runTo(100);
  expect(platform.sets).toBe(1);
});

test('a later timer sets no alarm of its own', () => {
  const { platform, add } = setup();
  for (let delayMs = 100; delayMs < 200; delayMs++) add(delayMs);
  expect(platform.sets).toBe(1);
});

test('a timer that throws does not keep the others from firing, and its error is not lost', async () => {
  const { platform, wheel, fired, add } = setup();
  const thrown = new Error('a timer failed');
  add(8, 'first of its tick');
  wheel.add(
    8,
    () => {
      throw thrown;
    },
    true,
  );
  add(8, 'last of its tick');
  add(20, 'later');
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  const others = process.listeners('uncaughtException').slice(0, -1);
  for (const other of others) process.off('uncaughtException', other);
  platform.runTo(100);
  const reported = await uncaught;
  for (const other of others) process.on('uncaughtException', other);
  expect(fired.sort()).toEqual(['first of its tick', 'last of its tick', 'later']);
  expect(reported).toBe(thrown);
});

test('whoever keeps an old timer keeps nothing that was set after it', async () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const { wheel, add } = setup();
  const kept = add(100);
  /** Sets timers of the same tick, each of which is cancelled while the next one is pending. */
  const succession = (): WeakRef<Timer>[] => {
    const refs: WeakRef<Timer>[] = [];
    let newest = kept;
    for (let i = 0; i < 50; i++) {
      const next = add(100);
      newest.cancel();
      refs.push(new WeakRef(next));
      newest = next;
    }
    newest.cancel();
    return refs;
  };
  const refs = succession();
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  expect(refs.filter((ref) => ref.deref() !== undefined)).toHaveLength(0);
  expect(wheel.size).toBe(0);
  kept.cancel();
});

type Step =
  | { readonly do: 'add'; readonly delayMs: number; readonly held: boolean }
  | { readonly do: 'cancel'; readonly which: number }
  | { readonly do: 'run' | 'sleep'; readonly ms: number };

const delay = fc.oneof(
  fc.integer({ min: -5, max: 60 }),
  fc.integer({ min: 0, max: 3 * TURN_MS }),
  fc.double({ min: 0, max: 50, noNaN: true }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('add' as const), delayMs: delay, held: fc.boolean() }),
  fc.record({ do: fc.constant('cancel' as const), which: fc.nat(60) }),
  fc.record({ do: fc.constantFrom('run' as const, 'sleep' as const), ms: fc.oneof(fc.nat(30), fc.nat(3 * TURN_MS)) }),
);

test('whatever is added, cancelled and waited for, the wheel fires what a sorted list would', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.array(step, { maxLength: 80 }), (start, steps) => {
      const platform = new FakePlatform(start);
      const wheel = new TimerWheel(platform.now, platform.setAlarm);
      const timers: Timer[] = [];
      const firedAt = new Map<number, number>();
      const model = new Map<number, { readonly dueAt: number; readonly held: boolean }>();
      let asleepSince: number | undefined;

      for (const one of steps) {
        if (one.do === 'add') {
          const id = timers.length;
          const dueAt = platform.time + Math.max(0, one.delayMs);
          timers.push(
            wheel.add(
              one.delayMs,
              () => {
                expect(firedAt.has(id)).toBe(false);
                firedAt.set(id, platform.time);
              },
              one.held,
            ),
          );
          model.set(id, { dueAt, held: one.held });
        } else if (one.do === 'cancel') {
          timers[one.which]?.cancel();
          model.delete(one.which);
        } else {
          asleepSince = one.do === 'sleep' ? platform.time : undefined;
          if (one.do === 'sleep') platform.sleepTo(platform.time + one.ms);
          else platform.runTo(platform.time + one.ms);
          for (const [id, { dueAt }] of model) {
            const at = firedAt.get(id);
            if (at === undefined) {
              // Not fired: its time, and the tick that it may be late, are not over.
              expect(dueAt + LATE_MS).toBeGreaterThan(platform.time);
              continue;
            }
            expect(at).toBeGreaterThanOrEqual(dueAt);
            if (asleepSince === undefined) expect(at).toBeLessThanOrEqual(dueAt + LATE_MS);
            model.delete(id);
          }
        }
        expect(wheel.size).toBe(model.size);
        expect(platform.held).toBe([...model.values()].some(({ held }) => held));
      }
      for (const id of firedAt.keys()) expect(id).toBeLessThan(timers.length);

      for (const timer of timers) timer.cancel();
      expect(wheel.size).toBe(0);
      expect(platform.held).toBe(false);
    }),
    { numRuns: 500 },
  );
});
