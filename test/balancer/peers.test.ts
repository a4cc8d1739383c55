import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Peers } from '../../src/balancer/peers.ts';
import { seededRandom } from '../../src/testing/entry.ts';

/** A set of `count` in which the others had `total` outcomes of which `poor` were bad, and one had those that are asked about. */
function against({ count, total, poor }: { count: number; total: number; poor: number }) {
  return (ownPoor: number, own: number) => {
    const peers = new Peers(0);
    peers.count = count;
    for (let i = 0; i < total; i++) peers.add(0, i < poor);
    for (let i = 0; i < own; i++) peers.add(0, i < ownPoor);
    return peers.worse(ownPoor, own);
  };
}

test('one is worse when it fails more than three times as often as its peers, by more than chance', () => {
  const worse = against({ count: 5, total: 1_000, poor: 20 });
  // Two of a hundred are to be expected, and one and a half times four more are chance.
  expect([worse(7, 100), worse(8, 100)]).toEqual([false, true]);
  // Of many, three times is what matters.
  expect([worse(60, 1_000), worse(61, 1_000)]).toEqual([false, true]);
});

test('it is not compared with few, nor by few outcomes', () => {
  expect(against({ count: 4, total: 1_000, poor: 0 })(50, 100)).toBe(false);
  expect(against({ count: 5, total: 399, poor: 0 })(50, 100)).toBe(false);
  expect(against({ count: 5, total: 400, poor: 0 })(50, 99)).toBe(false);
  expect(against({ count: 5, total: 400, poor: 0 })(50, 100)).toBe(true);
});

test('what all did more than ten seconds ago does not count', () => {
  const peers = new Peers(0);
  peers.count = 10;
  for (let i = 0; i < 1_000; i++) peers.add(0, true);
  for (let i = 0; i < 1_000; i++) peers.add(10_000, i < 10);
  expect(peers.worse(10, 100)).toBe(true);
});

test('of endpoints that are all alike, hardly one in a thousand that is below the floor looks worse', () => {
  const FLOOR = 0.05;
  let looks = 0;
  let wrong = 0;
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(0.001, 0.01, 0.05, 0.2), (seed, rate) => {
      const random = seededRandom(seed);
      const peers = new Peers(0);
      peers.count = 10;
      const own = Array.from({ length: 10 }, () => {
        let poor = 0;
        for (let i = 0; i < 200; i++) {
          const bad = random() < rate;
          peers.add(0, bad);
          if (bad) poor++;
        }
        return poor;
      });
      looks += 10;
      wrong += own.filter((poor) => poor > FLOOR * 200 && peers.worse(poor, 200)).length;
    }),
    { seed: 1, numRuns: 200 },
  );
  expect(wrong / looks).toBeLessThan(0.001);
});
