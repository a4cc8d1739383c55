import fc from 'fast-check';
import { expect, test } from 'vitest';
import { below, jittered, systemRandom } from '../../src/core/random.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

test('a number below a bound is whole, not negative, and reaches every value', () => {
  const random = seededRandom(7);
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const drawn = below(random, 5);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  expect(counts).toHaveLength(5);
  for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});

test('jitter spreads evenly around the value and never further than its ratio', () => {
  expect(jittered(() => 0, 100, 0.2)).toBe(80);
  expect(jittered(() => 0.5, 100, 0.2)).toBe(100);
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 1e6 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (seed, value, ratio) => {
        const result = jittered(seededRandom(seed), value, ratio);
        expect(result).toBeGreaterThanOrEqual(value * (1 - ratio) - 1e-6);
        expect(result).toBeLessThanOrEqual(value * (1 + ratio) + 1e-6);
      },
    ),
  );
});

test('chance of the system is at least 0 and below 1', () => {
  for (let i = 0; i < 1_000; i++) {
    const drawn = systemRandom();
    expect(drawn >= 0 && drawn < 1).toBe(true);
  }
});

test('seeded chance is the same for the same seed, another for another, and as even as chance', () => {
  const draw = (seed: number, count = 5) => {
    const random = seededRandom(seed);
    return Array.from({ length: count }, () => random());
  };
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  const many = draw(1, 20_000);
  expect(Math.min(...many)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...many)).toBeLessThan(1);
  expect(Math.abs(many.reduce((sum, one) => sum + one, 0) / many.length - 0.5)).toBeLessThan(0.01);
  expect(new Set(many).size).toBeGreaterThan(19_900);
});
