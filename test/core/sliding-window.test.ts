import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from '../../src/core/sliding-window.ts';

test('it sums what was added within the span, both sums on their own', () => {
  const window = new SlidingWindow(10_000, 5_000);
  window.add(5_000, 1, 10);
  window.add(5_400, 2, 0);
  window.add(9_999, 4, 100);
  window.turn(9_999);
  expect([window.first, window.second]).toEqual([7, 110]);
});

test('what is as old as the span is gone, what is younger than nine tenths of it is there', () => {
  const window = new SlidingWindow(10_000, 0);
  window.add(0, 1, 1);
  window.turn(9_000);
  expect(window.first).toBe(1);
  window.turn(10_000);
  expect([window.first, window.second]).toEqual([0, 0]);
});

test('after a long silence nothing is left', () => {
  const window = new SlidingWindow(10_000, 0);
  for (let now = 0; now < 10_000; now += 100) window.add(now, 1, 2);
  window.turn(1e12);
  expect([window.first, window.second]).toEqual([0, 0]);
  window.add(1e12, 3, 4);
  expect([window.first, window.second]).toEqual([3, 4]);
});

test('cleared, it begins anew', () => {
  const window = new SlidingWindow(10_000, 0);
  window.add(500, 1, 2);
  window.add(1_500, 1, 2);
  window.clear();
  expect([window.first, window.second]).toEqual([0, 0]);
  window.add(1_600, 5, 6);
  window.turn(10_500);
  expect([window.first, window.second]).toEqual([5, 6]);
});

test('whatever is added when, the sums are those of a list of all that was added', () => {
  const steps = fc.array(
    fc.record({ waitMs: fc.oneof(fc.nat(50), fc.nat(300), fc.nat(5_000)), first: fc.nat(9), second: fc.nat(9) }),
    { maxLength: 100 },
  );
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 10, max: 3_000 }), steps, (start, spanMs, added) => {
      const bucketMs = spanMs / 10;
      const window = new SlidingWindow(spanMs, start);
      const all: { at: number; first: number; second: number }[] = [];
      let now = start;
      for (const { waitMs, first, second } of added) {
        now += waitMs;
        window.add(now, first, second);
        all.push({ at: now, first, second });
        const turn = Math.floor(now / bucketMs);
        const kept = all.filter(({ at }) => Math.floor(at / bucketMs) > turn - 10);
        expect(window.first).toBe(kept.reduce((sum, one) => sum + one.first, 0));
        expect(window.second).toBe(kept.reduce((sum, one) => sum + one.second, 0));
        // And so the promise of the documentation holds.
        for (const one of all) {
          if (kept.includes(one)) expect(now - one.at).toBeLessThan(spanMs + 1e-6);
          else expect(now - one.at).toBeGreaterThan(0.9 * spanMs - 1e-6);
        }
      }
    }),
  );
});
