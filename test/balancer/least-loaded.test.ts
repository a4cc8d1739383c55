import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastLoaded } from '../../src/balancer/pickers/least-loaded.ts';
import { randomPicker } from '../../src/balancer/pickers/random.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

/** A set of nodes of these weights, each of which has so many requests on their way. */
function loaded(running: readonly number[], weights: readonly number[] = running.map(() => 1)) {
  const all = setup({ make: leastLoaded, of: endpoints(running.length, (i) => weights[i] ?? 1) });
  for (const [i, count] of running.entries()) all.at(i).running = count;
  return all;
}

test('of all nodes, however many, the one with the fewest requests on their way gets the call', () => {
  expect(loaded([4, 2, 3, 1, 5]).shares(100)).toEqual([0, 0, 0, 1, 0]);
  const many = loaded(Array.from({ length: 1_000 }, (_, i) => (i === 777 ? 1 : 2 + (i % 5))));
  for (let i = 0; i < 100; i++) expect(many.pick()).toBe(many.at(777));
});

test('of several alike any gets it, each as often as the others, wherever they stand', () => {
  const shares = loaded([3, 1, 2, 1, 1, 9, 1]).shares(100_000);
  for (const i of [0, 2, 5]) expect(shares[i]).toBe(0);
  // A quarter each; 0.01 is seven standard deviations.
  for (const i of [1, 3, 4, 6]) expect(Math.abs((shares[i] ?? 0) - 0.25)).toBeLessThan(0.01);
});

test('one of four times the weight has less to do with three requests than another with one', () => {
  expect(loaded([1, 3], [1, 4]).shares(100)).toEqual([0, 1]);
  expect(loaded([1, 5], [1, 4]).shares(100)).toEqual([1, 0]);
  // Alike: each as often as its weight says.
  expect(Math.abs((loaded([1, 4], [1, 4]).shares(100_000)[0] ?? 0) - 0.2)).toBeLessThan(0.01);
});

test('whatever the loads and the weights, nobody has less to do for its weight than the one that is picked', () => {
  const node = fc.record({ running: fc.nat(20), weight: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(node, { minLength: 2, maxLength: 30 }), (nodes) => {
      const { pick } = loaded(
        nodes.map(({ running }) => running),
        nodes.map(({ weight }) => weight),
      );
      const least = Math.min(...nodes.map(({ running, weight }) => running / weight));
      for (let i = 0; i < 10; i++) {
        const picked = pick();
        expect((picked?.running ?? Number.NaN) / (picked?.endpoint.weight ?? 1)).toBeCloseTo(least, 9);
      }
    }),
  );
});

test('with requests on their way all the time, nodes hold them in proportion to their weights', () => {
  const { set, pick, call, clock } = loaded([0, 0, 0, 0], [1, 2, 3, 4]);
  for (let i = 0; i < 1_000; i++) {
    const node = pick();
    if (node !== undefined) set.begin(node, call(), clock.now());
  }
  expect(set.nodes.map(({ running }) => running)).toEqual([100, 200, 300, 400]);
});

test('one in its slow start is not taken to be idle because it has little', async () => {
  const { at, shares, update, clock } = loaded([4, 4]);
  update([0, 1, 2].map((n) => endpoint(n)));
  await clock.advance(1_000);
  // Its part is a tenth or a little more.
  at(2).running = 1;
  expect(shares(1_000)[2]).toBe(0);
  at(2).running = 0;
  expect(shares(1_000)[2]).toBe(1);
});

test('where a picker finds nobody fit, the least loaded of those that are down gets the call', () => {
  const { set, at, breakDown, shares } = setup({ make: randomPicker, of: endpoints(5) });
  breakDown(...set.nodes);
  for (const [i, count] of [3, 2, 4, 1, 2].entries()) at(i).running = count;
  expect(shares(200)).toEqual([0, 0, 0, 1, 0]);
});
