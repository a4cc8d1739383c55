import { expect, test } from 'vitest';
import { Standing } from '../../src/balancer/standing.ts';

test('what is large enough when first seen stands alone at once', () => {
  expect(new Standing().look(true, 0)).toBe(true);
  expect(new Standing().look(false, 0)).toBe(false);
});

test('what became too small stands alone again only once it was large enough for 10 s without a break', () => {
  const standing = new Standing();
  standing.look(true, 0);
  expect(standing.look(false, 1_000)).toBe(false);
  expect(standing.waiting).toBe(false);
  expect(standing.look(true, 2_000)).toBe(false);
  expect(standing.waiting).toBe(true);
  expect(standing.look(true, 11_999)).toBe(false);
  expect(standing.look(false, 12_000)).toBe(false);
  expect(standing.look(true, 13_000)).toBe(false);
  expect(standing.look(true, 22_999)).toBe(false);
  expect(standing.look(true, 23_000)).toBe(true);
  expect(standing.waiting).toBe(false);
});
