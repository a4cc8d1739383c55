import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitter } from '../../src/core/backoff.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

test('the longest wait doubles with every retry up to the cap', () => {
  const longest = fullJitter(25, 250, () => 1);
  expect([0, 1, 2, 3, 4, 5].map(longest)).toEqual([25, 50, 100, 200, 250, 250]);
});

test('a wait is drawn from the whole range, zero included', () => {
  expect(fullJitter(25, 250, () => 0)(3)).toBe(0);
  expect(fullJitter(25, 250, () => 0.5)(1)).toBe(25);
  expect(fullJitter(0, 250, () => 0.5)(5_000)).toBe(0);
});

test('no retry, however late, waits longer than the cap or less than nothing', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(100_000), fc.nat(), fc.integer({ min: 1 }), (seed, retry, baseMs, capMs) => {
      const waitMs = fullJitter(baseMs, capMs, seededRandom(seed))(retry);
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThanOrEqual(capMs);
    }),
  );
});
