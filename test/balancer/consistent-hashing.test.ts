import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lookupTableOf } from '../../src/balancer/lookup-table.ts';
import type { Node } from '../../src/balancer/node.ts';
import { maglev } from '../../src/balancer/pickers/maglev.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { ringHash } from '../../src/balancer/pickers/ring-hash.ts';
import { type Ring, ringOf } from '../../src/balancer/ring.ts';
import { ringPoints } from '../../src/balancer/ring-points.ts';
import type { Making } from '../../src/balancer/tables.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { hashOf, mixed } from '../../src/core/hash.ts';
import { ManualClock } from '../../src/testing/entry.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

const KEYS = Array.from({ length: 4_000 }, (_, i) => hashOf(`user-${i}`));

function made<T>(making: Making<T>): T {
  for (;;) {
    const step = making.next();
    if (step.done) return step.value;
  }
}

const nodesOf = (of: readonly Endpoint[]) => setup({ make: p2c, of }).set.nodes;

/** The part of all hashes that is of each node. */
function sharesOf(ring: Ring): Map<Node | undefined, number> {
  const shares = new Map<Node | undefined, number>();
  let before = -1;
  for (const [piece, end] of ring.ends.entries()) {
    const owner = ring.owner(piece);
    shares.set(owner, (shares.get(owner) ?? 0) + (end - before) / 2 ** 32);
    before = end;
  }
  return shares;
}

/** The id of the node of each key. */
const ways = {
  ring(nodes: readonly Node[]) {
    const ring = made(ringOf(nodes));
    return KEYS.map((hash) => ring.owner(ring.at(hash))?.endpoint.id);
  },
  maglev(nodes: readonly Node[]) {
    const table = made(lookupTableOf(nodes));
    return KEYS.map((hash) => table.owner(hash)?.endpoint.id);
  },
};

const sets = fc
  .uniqueArray(fc.integer({ min: 0, max: 9_999 }), { minLength: 2, maxLength: 30 })
  .chain((numbers) =>
    fc.tuple(
      fc.constant(numbers.toSorted((a, b) => a - b)),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: numbers.length, maxLength: numbers.length }),
      fc.integer({ min: 0, max: numbers.length - 1 }),
    ),
  )
  .map(([numbers, weights, gone]) => ({
    all: numbers.map((n, i) => endpoint(n, weights[i] ?? 1)),
    gone: endpoint(numbers[gone] ?? 0).id,
  }));

test('on a ring each node has its part of all hashes, to a thousandth, however many there are and whatever they weigh', () => {
  fc.assert(
    fc.property(sets, fc.constantFrom(0.001, 1, 10), ({ all }, unit) => {
      const nodes = nodesOf(all.map((one) => ({ ...one, weight: one.weight * unit })));
      const ring = made(ringOf(nodes));
      const total = nodes.reduce((sum, node) => sum + node.endpoint.weight, 0);
      const shares = sharesOf(ring);
      for (const node of nodes)
        expect(Math.abs(((shares.get(node) ?? 0) * total) / node.endpoint.weight - 1)).toBeLessThan(0.001);
    }),
    { numRuns: 20 },
  );
  const many = made(ringOf(nodesOf(endpoints(1_000))));
  for (const share of sharesOf(many).values()) expect(Math.abs(share * 1_000 - 1)).toBeLessThan(0.001);
});

// Without an order that stays it would be nearly all.
test.each([
  ['ring', 0.05],
  ['maglev', 0.02],
] as const)('a node that leaves a %s, or joins it, moves few keys besides its own', (way, most) => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 40 }), fc.nat(), (count, seed) => {
      const of = endpoints(count);
      const gone = endpoint(seed % count).id;
      const before = ways[way](nodesOf(of));
      const after = ways[way](nodesOf(of.filter(({ id }) => id !== gone)));
      const others = before.filter((owner, i) => owner !== gone && after[i] !== owner).length;
      expect(others / KEYS.length).toBeLessThan(most);
    }),
    { numRuns: 30 },
  );
});

test('a key is in the first piece that ends at or behind it, of pieces that are in order and leave no hash out', () => {
  fc.assert(
    fc.property(sets, ({ all }) => {
      const ring = made(ringOf(nodesOf(all)));
      expect(ring.ends.toSorted()).toEqual(ring.ends);
      expect(ring.ends.at(-1)).toBe(2 ** 32 - 1);
      for (const hash of [...KEYS.slice(0, 200), 0, -1, 2 ** 31])
        expect(ring.at(hash)).toBe(ring.ends.findIndex((end) => end >= hash >>> 0));
    }),
    { numRuns: 30 },
  );
});

test('points depend on the id and the weight alone, and there are never more than a ring can hold', () => {
  const of = endpoints(3, (i) => i + 1);
  const pointsOfFirst = (some: readonly Endpoint[]) => {
    const { points, owners } = made(ringPoints(nodesOf(some)));
    return points.filter((_, i) => owners[i] === 0);
  };
  expect(pointsOfFirst(of)).toEqual(pointsOfFirst(of.slice(0, 1)));
  expect(made(ringPoints(nodesOf([endpoint(1, 1_000)]))).points.length).toBe(100_000);
  expect(made(ringPoints(nodesOf(endpoints(40, () => 1_000)))).points.length).toBeLessThanOrEqual(2 ** 20);
});

test('one very heavy node is no longer a step in the making of a ring than many light ones', () => {
  const making = (of: readonly Endpoint[]) => {
    const steps = ringOf(nodesOf(of));
    let count = 1;
    while (!steps.next().done) count++;
    return count;
  };
  // Each of them has 100,000 points, which would keep the process busy for ten milliseconds.
  expect(making([endpoint(1, 1_000)])).toBeGreaterThan(300);
  expect(making(endpoints(1_000))).toBeGreaterThan(300);
});

test('in the table of maglev every place is taken, and shares follow the weights within a hundredth', () => {
  fc.assert(
    fc.property(sets, ({ all }) => {
      const nodes = nodesOf(all);
      const table = made(lookupTableOf(nodes));
      const counts = new Map<Node | undefined, number>();
      for (let place = 0; place < 65_537; place++) {
        const owner = table.owner(place);
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
      expect(counts.has(undefined)).toBe(false);
      const total = all.reduce((sum, { weight }) => sum + weight, 0);
      for (const node of nodes)
        expect(Math.abs((counts.get(node) ?? 0) / 65_537 - node.endpoint.weight / total)).toBeLessThan(0.001);
    }),
    { numRuns: 20 },
  );
});

/** Calls of one hot key to some nodes of a set of ten, which go on; how many each node then has. */
function hot(boundedLoad: number | undefined, calls: number, part = (all: readonly Node[]) => all) {
  const { set, call, clock, at } = setup({
    make: (random, of) => ringHash(random, of, boundedLoad),
    of: endpoints(10, (i) => (i < 5 ? 1 : 3)),
  });
  const nodes = part(set.nodes);
  // The rest is busy.
  for (const node of set.nodes)
    if (!nodes.includes(node)) for (let i = 0; i < 500; i++) set.begin(node, call(), clock.now());
  for (let i = 0; i < calls; i++) {
    const ctx = call();
    ctx.hash = hashOf('celebrity');
    const node = set.picker.pick(nodes, ctx, clock.now(), false);
    if (node === undefined) continue;
    set.begin(node, ctx, clock.now());
  }
  return { set, at, nodes };
}

test('of one hot key no node ever gets more than its bound, and without a bound one gets all', () => {
  const { nodes } = hot(1.25, 1_000);
  for (const { running, endpoint } of nodes)
    expect(running).toBeLessThanOrEqual(Math.ceil((1.25 * 1_000 * endpoint.weight) / 20));
  // It goes along the circle, and not anywhere: the last that takes some is the only one that is not full.
  expect(nodes.filter(({ running }) => running > 0).length).toBeLessThan(10);
  expect(Math.max(...hot(undefined, 1_000).nodes.map(({ running }) => running))).toBe(1_000);
});

test('the bound is that of the part of a set that is picked from, whatever the rest has to do', () => {
  const { nodes } = hot(1.25, 1_000, (all) => all.slice(0, 5));
  for (const { running } of nodes) expect(running).toBeLessThanOrEqual(250);
  // So some keys go by the circle still: were the whole set counted, all would be full with 62, and the calls would go anywhere.
  expect(Math.min(...nodes.map(({ running }) => running))).toBeLessThan(100);
});

test('what a node that left still has on its way does not count for those that stay', () => {
  const { set, at } = hot(undefined, 100);
  const hotNode = set.nodes.find(({ running }) => running > 0) ?? at(0);
  set.update(
    set.nodes.filter((node) => node !== hotNode).map(({ endpoint: one }) => one),
    new Set(),
  );
  expect(set.means.running).toBe(0);
  set.end(hotNode, new Context('players', { operation: 'GET', idempotent: true }, 0));
  expect(set.means.running).toBe(0);
});

test('calls without a key are picked as well and as fast where they alternate between parts of a set', () => {
  let drawn = 0;
  const { set, call, clock } = setup({
    make: (random, of) =>
      ringHash(() => {
        drawn++;
        return random();
      }, of),
    of: endpoints(8),
  });
  const parts = [set.nodes.slice(0, 4), set.nodes.slice(4)];
  const pick = (i: number) => {
    const ctx = call();
    ctx.hash = undefined;
    return set.picker.pick(parts[i % 2] ?? [], ctx, clock.now(), false);
  };
  for (let i = 0; i < 10; i++) pick(i);
  const before = drawn;
  for (let i = 0; i < 100; i++) expect(parts[i % 2]).toContain(pick(i));
  // Chance is asked for only when something is made: nothing was.
  expect(drawn).toBe(before);
});

test('while a table is made anew, those that left get nothing of the one before', async () => {
  let now = 0;
  // Every look at this clock is the end of a slice.
  const clock = Object.assign(new ManualClock(), { now: () => (now += 10) });
  const { at, pick, update } = setup({ make: (random) => maglev(random, clock), of: endpoints(5) });
  pick();
  for (let i = 0; i < 5_000; i++) await setImmediate();
  const gone = at(2);
  expect(new Set(Array.from({ length: 200 }, () => pick()))).toContain(gone);
  update(endpoints(5).filter(({ id }) => id !== gone.endpoint.id));
  for (let i = 0; i < 200; i++) expect(pick()).not.toBe(gone);
});

test('a hash is spread over all of its bits, and the same everywhere', () => {
  expect([hashOf(''), hashOf('a'), hashOf('user-1'), mixed(1)]).toEqual([
    -1421968373, 444641715, 2005895916, 1364076727,
  ]);
  const buckets = new Array<number>(64).fill(0);
  for (const hash of KEYS) for (const part of [hash >>> 26, hash & 63]) buckets[part] = (buckets[part] ?? 0) + 1;
  for (const count of buckets) expect(Math.abs(count - 125)).toBeLessThan(60);
});
