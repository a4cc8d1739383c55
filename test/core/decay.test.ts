import { expect, test } from 'vitest';
import { decay } from '../../src/core/decay.ts';

test('it is exp(-x) within 0.004, 1 before the beginning and 0 after the end', () => {
  for (let x = 0; x < 8; x += 0.001) expect(Math.abs(decay(x) - Math.exp(-x))).toBeLessThan(0.004);
  expect([decay(0), decay(-1), decay(Number.NaN), decay(8), decay(Number.POSITIVE_INFINITY)]).toEqual([1, 1, 1, 0, 0]);
});
