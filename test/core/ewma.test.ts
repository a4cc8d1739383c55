import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ewma } from '../../src/core/ewma.ts';

test('it knows nothing before the first sample, which it then equals', () => {
  const ewma = new Ewma(0.3);
  expect(ewma.value).toBeUndefined();
  ewma.add(0);
  expect(ewma.value).toBe(0);
});

test('each sample moves it by its weight', () => {
  const ewma = new Ewma(0.25);
  ewma.add(100);
  ewma.add(200);
  expect(ewma.value).toBe(125);
  ewma.add(25);
  expect(ewma.value).toBe(100);
});

test('a sample of zero counts as one', () => {
  const ewma = new Ewma(0.25);
  ewma.add(0);
  ewma.add(100);
  expect(ewma.value).toBe(25);
});

test('it stays within what was sampled, and follows a change', () => {
  const samples = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), samples, (alpha, all) => {
      const ewma = new Ewma(alpha);
      for (const sample of all) ewma.add(sample);
      expect(ewma.value).toBeGreaterThanOrEqual(Math.min(...all) - 1e-3);
      expect(ewma.value).toBeLessThanOrEqual(Math.max(...all) + 1e-3);
    }),
  );
  const ewma = new Ewma(0.3);
  ewma.add(1_000);
  for (let i = 0; i < 30; i++) ewma.add(10);
  expect(ewma.value).toBeCloseTo(10, 1);
});
