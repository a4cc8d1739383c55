import { expect, test } from 'vitest';
import { weightedRoundRobin } from '../../src/balancer/pickers/weighted-round-robin.ts';
import { endpoints, setup } from './node-setup.ts';

test('of weights 5, 1, 1 the first comes five times in seven, and never more than four times in a row', () => {
  const { at, pick } = setup({ make: weightedRoundRobin, of: endpoints(3, (i) => (i === 0 ? 5 : 1)) });
  const first = Array.from({ length: 700 }, () => pick() === at(0));
  expect(Math.abs(first.filter(Boolean).length - 500)).toBeLessThanOrEqual(2);
  const rows = first
    .map((is) => (is ? 'x' : '-'))
    .join('')
    .split('-');
  expect(Math.max(...rows.map(({ length }) => length))).toBeLessThanOrEqual(4);
});

test('of nodes that weigh the same each comes once before any comes again', () => {
  const { set, pick } = setup({ make: weightedRoundRobin, of: endpoints(7) });
  pick();
  expect(new Set(Array.from({ length: 7 }, () => pick())).size).toBe(set.nodes.length);
});
