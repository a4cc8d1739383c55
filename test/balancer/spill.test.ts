import fc from 'fast-check';
import { expect, test } from 'vitest';
import { capacityOf, spill } from '../../src/balancer/spill.ts';

const part = fc.integer({ min: 0, max: 1_000 }).map((n) => n / 1_000);
const parts = fc.array(part, { minLength: 1, maxLength: 8 });
const sum = (all: readonly number[]) => all.reduce((a, b) => a + b, 0);

test.each<[capacities: number[], shares: number[]]>([
  [[1], [1]],
  [[0.1], [1]],
  [
    [0, 0],
    [1, 0],
  ],
  [
    [1, 1, 1],
    [1, 0, 0],
  ],
  [
    [0.7, 1],
    [0.7, 0.3],
  ],
  [
    [0, 0.7, 1],
    [0, 0.7, 0.3],
  ],
  // Envoy's own example: 25 % and 25 % healthy, so each gets half.
  [
    [0.35, 0.35],
    [0.5, 0.5],
  ],
])('tiers that can take %j get %j', (capacities, shares) => {
  const got = spill(capacities);
  expect(got.length).toBe(shares.length);
  for (const [i, share] of shares.entries()) expect(got[i]).toBeCloseTo(share, 12);
});

test('a tier takes everything while 5 of its 7 are in use, and its part of it with fewer', () => {
  expect([7, 6, 5].map((used) => capacityOf(used, 7))).toEqual([1, 1, 1]);
  expect(capacityOf(2.5, 7)).toBeCloseTo(0.5, 12);
  expect(capacityOf(0, 7)).toBe(0);
  expect(capacityOf(0, 0)).toBe(0);
});

test('exactly 5 of 7 are enough, however many they are, and one less is not', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (n) => {
      expect(capacityOf(5 * n, 7 * n)).toBe(1);
      expect(capacityOf(5 * n - 1, 7 * n)).toBeLessThan(1);
    }),
    // 63, where 1.4 × 45 is a little less in floating point.
    { examples: [[9]] },
  );
});

test('shares are 1 together, none is more than its tier can take unless all together cannot, and the first is served first', () => {
  fc.assert(
    fc.property(parts, (capacities) => {
      const shares = spill(capacities);
      const total = sum(capacities);
      expect(sum(shares)).toBeCloseTo(1, 9);
      shares.forEach((share, i) => {
        const capacity = capacities[i] ?? 0;
        expect(share).toBeGreaterThanOrEqual(0);
        if (total >= 1) expect(share).toBeLessThanOrEqual(capacity + 1e-9);
        else if (total > 0) expect(share).toBeCloseTo(capacity / total, 9);
        // Nothing passes one that has room.
        if (total >= 1 && share < capacity - 1e-9) expect(sum(shares.slice(i + 1))).toBeCloseTo(0, 9);
      });
    }),
  );
});

test('with more capacity a tier never gets less, and those behind it never more', () => {
  fc.assert(
    fc.property(parts, fc.nat(7), part, (capacities, at, more) => {
      const i = at % capacities.length;
      const grown = capacities.map((one, j) => (j === i ? Math.min(1, one + more) : one));
      fc.pre(sum(capacities) > 0);
      const [before, after] = [spill(capacities), spill(grown)];
      expect(after[i]).toBeGreaterThanOrEqual((before[i] ?? 0) - 1e-9);
      expect(sum(after.slice(i + 1))).toBeLessThanOrEqual(sum(before.slice(i + 1)) + 1e-9);
    }),
  );
});
