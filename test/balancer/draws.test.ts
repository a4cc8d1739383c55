import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Draws } from '../../src/balancer/draws.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { endpoints, setup } from './node-setup.ts';

test('a pair is of two distinct nodes, however uneven the weights', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 20 }), fc.nat(), (all, seed) => {
      const { nodes } = setup({ make: p2c, of: endpoints(all.length, (i) => all[i] ?? 1) }).set;
      const draws = new Draws(seededRandom(seed));
      draws.from(nodes);
      for (let i = 0; i < 50; i++) {
        const one = draws.one(0);
        const another = draws.another(one, 0);
        expect(another).not.toBe(one);
        expect(nodes[one]).not.toBe(undefined);
        if (another >= 0) expect(nodes[another]).not.toBe(undefined);
        else expect(new Set(all).size).toBeGreaterThan(1);
      }
    }),
  );
});

test('each is drawn as often as its weight says, whatever the weights', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }), fc.nat(), (all, seed) => {
      const { nodes } = setup({ make: p2c, of: endpoints(all.length, (i) => all[i] ?? 1) }).set;
      const draws = new Draws(seededRandom(seed));
      draws.from(nodes);
      const counts = all.map(() => 0);
      for (let i = 0; i < 100_000; i++) {
        const one = draws.one(0);
        counts[one] = (counts[one] ?? 0) + 1;
      }
      const total = all.reduce((sum, weight) => sum + weight, 0);
      for (const [i, count] of counts.entries())
        expect(Math.abs(count / 100_000 - (all[i] ?? 0) / total)).toBeLessThan(0.01);
    }),
    { numRuns: 10 },
  );
});

test('the same seed draws the same, another seed something else', () => {
  const { nodes } = setup({ make: p2c, of: endpoints(1_000) }).set;
  const drawn = (seed: number) => {
    const draws = new Draws(seededRandom(seed));
    draws.from(nodes);
    return Array.from({ length: 20 }, () => draws.one(0));
  };
  expect(drawn(1)).toEqual(drawn(1));
  expect(drawn(1)).not.toEqual(drawn(2));
});

test('beside one that weighs nearly everything another is seldom drawn, so that it does not get all that finds the heavy one busy', () => {
  const { nodes } = setup({ make: p2c, of: endpoints(2, (i) => (i === 0 ? 99 : 1)) }).set;
  const draws = new Draws(seededRandom(1));
  draws.from(nodes);
  const compared = Array.from({ length: 10_000 }, () => draws.another(0, 0)).filter((place) => place >= 0);
  expect(compared.length).toBeGreaterThan(100);
  expect(compared.length).toBeLessThan(300);
});
