import { expect, test } from 'vitest';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

const weighing = (...weights: readonly number[]) =>
  setup({ make: p2c, of: endpoints(weights.length, (i) => weights[i] ?? 1) });

test('of a pair the one with fewer requests on their way gets the call, each as many as its weight allows', () => {
  const { at, shares } = weighing(1, 10);
  at(0).running = 1;
  at(1).running = 2;
  // Light as it is, it is seldom compared; but drawn first it must not win against a heavy one that has more to do and far less for its weight.
  expect(shares(10_000)).toEqual([0, 1]);
  at(1).running = 10;
  expect(shares(10_000)[0]).toBeGreaterThan(0.05);
  at(1).running = 11;
  expect(shares(10_000)[0]).toBeGreaterThan(0.1);
});

test('one that starts slowly is not given more than its share because the others have more to do', async () => {
  const { at, shares, update, clock } = weighing(1, 1);
  update([0, 1, 2].map((n) => endpoint(n)));
  await clock.advance(1_000);
  for (const i of [0, 1]) at(i).running = 4;
  at(2).running = 1;
  expect(shares(10_000)[2]).toBe(0);
});
