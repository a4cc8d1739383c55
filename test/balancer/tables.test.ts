import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Tables } from '../../src/balancer/tables.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

/** Tables of which each step takes a millisecond of the clock; a table is the ids that it is of. */
function tables(steps: number, said: number) {
  const { clock, set, update } = setup({ make: p2c, of: endpoints(3) });
  let now = 0;
  let made = 0;
  const its = new Tables<readonly string[]>(
    Object.assign(clock, { now: () => now }),
    function* (nodes) {
      for (let i = 0; i < steps; i++) {
        now++;
        yield;
      }
      made++;
      return nodes.map(({ endpoint: { id } }) => id);
    },
    () => said,
  );
  return {
    set,
    update,
    of: (nodes = set.nodes) => its.of(nodes, now),
    pass: (ms: number) => {
      now += ms;
    },
    made: () => made,
    now: () => now,
  };
}

const ids = (...numbers: readonly number[]) => numbers.map((n) => endpoint(n).id);

test('a small table is there at once, and made once for an array of nodes', () => {
  const { of, made, update } = tables(3, 100);
  expect(of()).toEqual(ids(0, 1, 2));
  of();
  expect(made()).toBe(1);
  update(endpoints(4));
  expect(of()).toEqual(ids(0, 1, 2, 3));
});

test('a large one is made in slices of two milliseconds; until it is there the one before stands in', async () => {
  const { of, update, now, pass } = tables(20, 1_000_000);
  expect(of()).toBe(undefined);
  expect(now()).toBeLessThanOrEqual(3);
  let longest = 0;
  for (let before = now(); of() === undefined; before = now()) {
    await setImmediate();
    longest = Math.max(longest, now() - before);
  }
  expect(longest).toBeLessThanOrEqual(3);
  expect(of()).toEqual(ids(0, 1, 2));
  pass(1_000);
  update(endpoints(4));
  expect(of()).toEqual(ids(0, 1, 2));
  for (let i = 0; i < 30; i++) await setImmediate();
  expect(of()).toEqual(ids(0, 1, 2, 3));
});

test('tables take a tenth of the time at most, however often the nodes change', async () => {
  const { of, made, update, pass } = tables(20, 1_000_000);
  const settle = async () => {
    of();
    for (let i = 0; i < 30; i++) await setImmediate();
  };
  await settle();
  update(endpoints(4));
  await settle();
  expect(made()).toBe(1);
  pass(9 * 20);
  await settle();
  expect(made()).toBe(2);
});

test('the table of one part of a set never stands in for another', async () => {
  const { set, update, of, pass } = tables(20, 1_000_000);
  update(endpoints(6));
  const [one, other] = [set.nodes.slice(0, 3), set.nodes.slice(3)];
  of(one);
  for (let i = 0; i < 30; i++) await setImmediate();
  pass(1_000);
  expect([of(one), of(other)]).toEqual([ids(0, 1, 2), undefined]);
  for (let i = 0; i < 30; i++) await setImmediate();
  expect([of(one), of(other)]).toEqual([ids(0, 1, 2), ids(3, 4, 5)]);
});

test('nor does the table of a whole set for a part of it', async () => {
  const { set, of, pass } = tables(20, 1_000_000);
  of();
  for (let i = 0; i < 30; i++) await setImmediate();
  pass(1_000);
  expect([of(), of(set.nodes.slice(0, 2))]).toEqual([ids(0, 1, 2), undefined]);
});
