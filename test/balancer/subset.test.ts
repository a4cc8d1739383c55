import fc from 'fast-check';
import { expect, test } from 'vitest';
import { figuresOf, rendezvous } from '../../bench/subsetting.ts';
import { inOrderOf } from '../../src/balancer/subset.ts';

const ids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,12}$/), { minLength: 1, maxLength: 60 });
const take = (client: string, all: readonly string[], most: number) => inOrderOf(client, all, (id) => id, most);

test('a subset is of so many, and the same whatever order they are listed in', () => {
  fc.assert(
    fc.property(ids, fc.string(), fc.integer({ min: 1, max: 80 }), (all, client, most) => {
      const chosen = take(client, all, most);
      expect(chosen.length).toBe(Math.min(most, all.length));
      expect(new Set(chosen).size).toBe(chosen.length);
      expect(all).toEqual(expect.arrayContaining([...chosen]));
      expect(take(client, all.toReversed(), most)).toEqual(chosen);
    }),
  );
});

test('one that leaves is replaced by one, one that joins replaces one, and nobody else moves', () => {
  fc.assert(
    fc.property(ids, fc.string(), fc.integer({ min: 1, max: 20 }), fc.nat(59), (all, client, most, at) => {
      const gone = all[at % all.length];
      const left = all.filter((id) => id !== gone);
      const [before, after] = [take(client, all, most), take(client, left, most)];
      const stayed = before.filter((id) => id !== gone);
      expect(after.slice(0, stayed.length)).toEqual(stayed);
      expect(after.length - stayed.length).toBeLessThanOrEqual(1);
    }),
  );
});

test('a smaller subset is the beginning of a larger one', () => {
  fc.assert(
    fc.property(
      ids,
      fc.string(),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 60 }),
      (all, client, a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        expect(take(client, all, more).slice(0, less)).toEqual(take(client, all, less));
      },
    ),
  );
});

test.each([1, 2, 3])(
  'of 100 clients and 300 servers: as even as chance, fully even once load is heeded, and hardly anybody moves (%i)',
  (seed) => {
    const figures = figuresOf(rendezvous, { clients: 100, servers: 300, size: 20 }, seed);
    // Whoever does not know the others cannot do better than chance: √(6.67 × (1 − 20 ÷ 300)) ÷ 6.67.
    expect(Math.abs(figures.deviation - 0.374)).toBeLessThan(0.05);
    expect(figures.most).toBeLessThan(2.6);
    expect(figures.heeded).toBeLessThan(1.05);
    // One of 301 is in 20 ÷ 301 of the subsets; of 20 two are replaced, and two new ones are nearer.
    expect(figures.serverJoins).toBeLessThan(0.2);
    expect(figures.clientJoins).toBe(0);
    expect(figures.tenthReplaced).toBeLessThan(3.2);
  },
);
