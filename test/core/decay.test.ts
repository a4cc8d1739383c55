import { expect, test } from 'vitest';
import { LAST, LEFT, STEPS } from '../../src/core/decay.ts';

test('it is exp(-x) in steps, and nothing after eight time constants', () => {
  for (let step = 0; step < LAST; step++) expect(LEFT[step]).toBe(Math.exp(-step / STEPS));
  expect([LEFT[LAST], LEFT.length]).toEqual([0, LAST + 1]);
});
