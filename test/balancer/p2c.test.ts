import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Health, resolveHealth } from '../../src/balancer/health.ts';
import { Load } from '../../src/balancer/load.ts';
import { LoadMeans } from '../../src/balancer/load-means.ts';
import { Node } from '../../src/balancer/node.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Context } from '../../src/core/context.ts';
import { seededRandom } from '../../src/testing/entry.ts';

function node(n: number, weight = 1, rampFrom = Number.NEGATIVE_INFINITY): Node {
  const endpoint = {
    id: `p-${n}`,
    service: 'players',
    host: '10.0.0.1',
    port: 8000 + n,
    protocol: 'http' as const,
    attributes: {},
    weight,
    generation: 1,
  };
  return new Node(endpoint, new Health(resolveHealth('health'), () => 0.5, rampFrom), new Load(new LoadMeans()));
}

const nodesOf = (count: number, weight = (_: number) => 1) =>
  Array.from({ length: count }, (_, i) => node(i, weight(i)));
const context = (idempotent = true) => new Context('players', { operation: 'GET', idempotent }, 0);
const breakDown = (one: Node, now = 0) => one.health.fail(now, {}, true, () => true);

function shares(nodes: readonly Node[], picks: number, seed = 1, now = 0): number[] {
  const picker = p2c(seededRandom(seed));
  const counts = new Map<Node, number>(nodes.map((one) => [one, 0]));
  for (let i = 0; i < picks; i++) {
    const picked = picker.pick(nodes, context(), now, false);
    if (picked !== undefined) counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return nodes.map((one) => (counts.get(one) ?? 0) / picks);
}

test('nobody is picked from an empty set, and the only one from a set of one, whatever its health', () => {
  const picker = p2c(seededRandom(1));
  expect(picker.pick([], context(), 0, false)).toBe(undefined);
  const [only] = nodesOf(1);
  if (only !== undefined) breakDown(only);
  expect(
    picker.pick(
      nodesOf(1)
        .slice(1)
        .concat(only ?? []),
      context(),
      0,
      false,
    ),
  ).toBe(only);
});

test('equal nodes get equal shares', () => {
  for (const share of shares(nodesOf(10), 100_000)) expect(share).toBeCloseTo(0.1, 2);
});

test('of two the one with fewer requests on their way is picked', () => {
  const nodes = nodesOf(2);
  const [busy, idle] = nodes;
  if (busy === undefined || idle === undefined) throw new Error('there are two');
  busy.running = 1;
  expect(shares(nodes, 1_000)).toEqual([0, 1]);
});

test('with requests held as long as they take, shares follow the weights', () => {
  const nodes = nodesOf(3, (i) => i + 1);
  const picker = p2c(seededRandom(7));
  const total = [0, 0, 0];
  const running: number[] = [];
  for (let i = 0; i < 60_000; i++) {
    const picked = picker.pick(nodes, context(), 0, false);
    if (picked === undefined) continue;
    const index = nodes.indexOf(picked);
    picked.running++;
    total[index] = (total[index] ?? 0) + 1;
    running.push(index);
    if (running.length > 120) {
      const done = nodes[running.shift() ?? 0];
      if (done !== undefined) done.running--;
    }
  }
  const sum = total.reduce((a, b) => a + b, 0);
  expect(total.map((count) => Math.round((count / sum) * 6))).toEqual([1, 2, 3]);
});

test('where nobody is busy, shares follow the weights as well', () => {
  const [light = 0, heavy = 0] = shares(
    nodesOf(2, (i) => (i === 0 ? 1 : 4)),
    100_000,
  );
  expect(light).toBeCloseTo(0.2, 2);
  expect(heavy).toBeCloseTo(0.8, 2);
});

test('one in its slow start gets its part of the traffic from the beginning, however idle the others are', () => {
  const nodes = [...nodesOf(3), node(3, 1, 0)];
  const shareAt = (now: number) => shares(nodes, 100_000, 1, now)[3] ?? 0;
  expect(shareAt(0)).toBeGreaterThan(0.02);
  expect(shareAt(0)).toBeLessThan(0.06);
  expect(shareAt(5_000)).toBeGreaterThan(shareAt(0));
  expect(shareAt(10_000)).toBeCloseTo(0.25, 2);
});

test('a node that is down is not picked while another is up, in sets of any size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 40 }), fc.integer(), (count, seed) => {
      const nodes = nodesOf(count);
      const up = Math.abs(seed) % count;
      for (const one of nodes) if (one !== nodes[up]) breakDown(one);
      return shares(nodes, 50, seed)[up] === 1;
    }),
  );
});

test('in panic health is not trusted and all are picked, but for those that cannot be reached', () => {
  const nodes = nodesOf(4);
  const [refusing] = nodes;
  if (refusing === undefined) throw new Error('there are four');
  for (const one of nodes.slice(1, 3)) for (let i = 0; i < 5; i++) one.health.fail(0, {}, false, () => true);
  breakDown(refusing);
  const picker = p2c(seededRandom(3));
  const picked = new Set(Array.from({ length: 200 }, () => picker.pick(nodes, context(), 0, true)));
  expect([picked.size, picked.has(refusing)]).toEqual([3, false]);
});

test('one that is due for a probe gets the next request that can be repeated, and only that one', () => {
  const nodes = nodesOf(2);
  const [due, up] = nodes;
  if (due === undefined || up === undefined) throw new Error('there are two');
  breakDown(due);
  const picker = p2c(seededRandom(1));
  expect(picker.pick(nodes, context(false), 5_000, false)).toBe(up);
  const probe = context();
  expect(picker.pick(nodes, probe, 5_000, false)).toBe(due);
  due.health.begin(5_000, probe);
  expect(picker.pick(nodes, context(), 5_000, false)).toBe(up);
});

test('where no request can be repeated, one that is long overdue is probed all the same', () => {
  const nodes = nodesOf(2);
  const [due] = nodes;
  if (due === undefined) throw new Error('there are two');
  breakDown(due);
  const picker = p2c(seededRandom(1));
  expect(picker.pick(nodes, context(false), 15_001, false)).toBe(due);
});

test('a retry goes to a node that the call has not tried, even to one that is down', () => {
  const nodes = nodesOf(3);
  const [first, second, third] = nodes;
  if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
  breakDown(third);
  const call = context();
  call.fork(0).endpoint = first.endpoint;
  const picker = p2c(seededRandom(1));
  for (let i = 0; i < 50; i++) expect(picker.pick(nodes, call.fork(0), 0, false)).toBe(second);
  const again = context();
  again.fork(0).endpoint = first.endpoint;
  again.fork(0).endpoint = second.endpoint;
  expect(picker.pick(nodes, again.fork(0), 0, false)).toBe(third);
});

test('a suspect is used once traffic has proved that it lives, and before that only if nobody else is there', () => {
  const nodes = nodesOf(2);
  const [suspect] = nodes;
  if (suspect === undefined) throw new Error('there are two');
  suspect.suspect = true;
  expect(shares(nodes, 100)).toEqual([0, 1]);
  suspect.succeededAt = 0;
  expect(shares(nodes, 1_000)[0]).toBeGreaterThan(0.4);
  expect(shares(nodes, 100, 1, 10_001)).toEqual([0, 1]);
});
