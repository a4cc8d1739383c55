import fc from 'fast-check';
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

test('whatever the weights and whoever comes first, each gets its part to within two turns', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(weights, fc.nat(), (all, seed) => {
      const { shares } = setup({ make: weightedRoundRobin, of: endpoints(all.length, (i) => all[i] ?? 1), seed });
      const total = all.reduce((sum, weight) => sum + weight, 0);
      const counts = shares(100 * total).map((share) => Math.round(100 * total * share));
      for (const [i, weight] of all.entries()) expect(Math.abs((counts[i] ?? 0) - 100 * weight)).toBeLessThanOrEqual(2);
    }),
  );
});
