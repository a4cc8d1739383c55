import { expect, test } from 'vitest';
import { LoadReading } from '../../src/balancer/load-reading.ts';
import type { Node } from '../../src/balancer/node.ts';
import { recall } from '../../src/balancer/pickers/recall.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { endpoints, setup } from './node-setup.ts';

/** A hundred nodes of which each has answered within 10 ms. */
async function used() {
  const all = setup({ make: recall, of: endpoints(100) });
  const { set, answer } = all;
  for (const [i, node] of set.nodes.entries()) {
    node.place = i; // as if it had been picked
    await answer(node, 10);
  }
  return all;
}

test('those that answered well last are considered besides the two that are drawn: the best of them gets the call', async () => {
  const { at, answer, shares } = await used();
  await answer(at(42), 1);
  expect(shares(200)[42]).toBeGreaterThan(0.95);
});

test('with requests on their way to it, it is better no longer', async () => {
  const { at, set, call, clock, answer, shares } = await used();
  await answer(at(42), 1);
  for (let i = 0; i < 3; i++) set.begin(at(42), call(), clock.now());
  expect(shares(200)[42]).toBeLessThan(0.05);
});

test('the last four are remembered, and no more', async () => {
  const { at, answer, shares } = await used();
  await answer(at(42), 1);
  for (const i of [1, 2, 3]) await answer(at(i), 10);
  expect(shares(500)[42]).toBeGreaterThan(0.95);
  await answer(at(4), 10);
  expect(shares(500)[42]).toBeLessThan(0.05);
});

test.each([
  // How many times as slow the other is, and whether it gets the calls: at once, and six seconds later.
  [30, true, false],
  [50, false, false],
  [2, true, false],
  [1, true, true],
])(
  'a fifth of failures weighs as much as being 41 times as slow, and is forgiven within seconds (beside one %i times as slow)',
  async (times, atOnce, later) => {
    const { set, at, attempt, clock, shares } = setup({ make: recall, of: endpoints(2) });
    const known = () => {
      set.reported(at(0), { rif: 0, serviceMs: 1 }, clock.now());
      set.reported(at(1), { rif: 0, serviceMs: times }, clock.now());
    };
    // The first outcome of a node: with it the share of its failures is 0.2.
    attempt(at(0), 'failure');
    known();
    expect(shares(100)).toEqual(atOnce ? [0, 1] : [1, 0]);
    // Three time constants: 0.01 is left, and that costs a tenth more.
    for (let i = 0; i < 60; i++) {
      await clock.advance(100);
      known();
    }
    expect(shares(100)).toEqual(later ? [0, 1] : [1, 0]);
  },
);

test('one that fails fast does not attract what it would answer fast', async () => {
  const { at, answer, shares } = await used();
  for (let i = 0; i < 3; i++) await answer(at(42), 1);
  for (let i = 0; i < 2; i++) await answer(at(42), 1, 'failure');
  expect(shares(500)[42]).toBeLessThan(0.05);
});

test('one that answers no more is left alone before it has answered', async () => {
  const { at, set, call, clock, answer, shares } = await used();
  await answer(at(42), 1);
  const stuck = call();
  set.begin(at(42), stuck, clock.now());
  await clock.advance(100);
  expect(shares(500)[42]).toBeLessThan(0.02);
});

test('what a server reports of its load counts, where its calls come from others', async () => {
  const { at, set, clock, answer, shares } = await used();
  await answer(at(42), 1);
  set.reported(at(42), { rif: 20, serviceMs: 1 }, clock.now());
  set.reported(at(43), { rif: 0, serviceMs: 1 }, clock.now());
  expect(shares(500)[42]).toBeLessThan(0.05);
});

test('a fast one with some more to do than usual is better than a slow one with less, where all have much', async () => {
  const { set, at, clock, shares } = setup({ make: recall, of: endpoints(2) });
  // Servers with many workers: six of eight are busy, and no request waits.
  set.reported(at(0), { rif: 6, serviceMs: 10 }, clock.now());
  set.reported(at(1), { rif: 2, serviceMs: 40 }, clock.now());
  expect(shares(100)).toEqual([1, 0]);
  // Servers with one: each request waits for those before it.
  for (let i = 0; i < 100; i++) {
    set.reported(at(0), { rif: 1, serviceMs: 10 }, clock.now());
    set.reported(at(1), { rif: 0, serviceMs: 30 }, clock.now());
  }
  // What is usual is looked at every eight picks.
  shares(8);
  expect(shares(100)).toEqual([0, 1]);
});

test.each([
  // Attempts on their way to each of the two fast ones, how many times as slow the third is, and whether it gets the next.
  [0, 3.7, false],
  [1, 3.7, false],
  [4, 3.7, true],
  [4, 7, true],
  [4, 12, false],
])(
  'what a process usually has on its way does not make a slow one better that is idle, and far more does (%i at the others, %f times as slow)',
  async (running, times, chosen) => {
    const { set, at, call, clock, answer, shares } = setup({ make: recall, of: endpoints(3) });
    for (const i of [0, 1]) await answer(at(i), 10);
    await answer(at(2), 10 * times);
    for (const i of [0, 1]) for (let one = 0; one < running; one++) set.begin(at(i), call(), clock.now());
    shares(500);
    expect(Math.round(shares(100)[2] ?? 0)).toBe(chosen ? 1 : 0);
  },
);

test('of what nodes report, that of others counts half as much again as that of this process', () => {
  const { set, at, call, clock, shares } = setup({ make: recall, of: endpoints(2) });
  const report = () => {
    // With usual = 4: 10 × (4 + 6)² = 1,000 against 38 × (4 + 1)² = 950, and the slow one gets the calls; from 4.24 on it does not.
    set.reported(at(0), { rif: 6, serviceMs: 10 }, clock.now());
    set.reported(at(1), { rif: 1, serviceMs: 38 }, clock.now());
  };
  report();
  // 1.5 × 3.5, all of it of others.
  expect(shares(100)).toEqual([1, 0]);
  for (let i = 0; i < 6; i++) set.begin(at(0), call(), clock.now());
  report();
  shares(500);
  // 1.5 × 3.5 − 0.5 × 6 ÷ 2.
  expect(shares(100)).toEqual([0, 1]);
});

test('with requests on their way all the time, nodes hold them in proportion to their weights', () => {
  const { set, call, clock } = setup({ make: recall, of: endpoints(4, (i) => i + 1) });
  for (let i = 0; i < 1_000; i++) {
    const ctx = call();
    const node = set.picker.pick(set.nodes, ctx, clock.now(), false);
    if (node !== undefined) set.begin(node, ctx, clock.now());
  }
  expect(set.nodes.map(({ running }) => Math.round(running / 100))).toEqual([1, 2, 3, 4]);
});

test.each(['measured', 'reported'] as const)(
  'one that was stuck once is used again, whatever its slow answers said (%s)',
  async (how) => {
    const { set, at, call, clock, answer } = setup({ make: recall, of: endpoints(4) });
    const hear = (node: Node, rif: number, serviceMs: number) => {
      if (how === 'reported') set.reported(node, { rif, serviceMs }, clock.now());
    };
    for (const node of set.nodes) {
      await answer(node, 2);
      hear(node, 1, 2);
    }
    for (let i = 0; i < 5; i++) await answer(at(0), 4_000);
    hear(at(0), 40, 4_000);
    const chance = seededRandom(1);
    let calls = 0;
    for (let i = 0; i < 6_000; i++) {
      const node = set.picker.pick(set.nodes, call(), clock.now(), false);
      if (node === undefined) continue;
      if (node === at(0)) calls++;
      const ms = 1 + 2 * chance();
      await answer(node, ms);
      hear(node, 1, ms);
      await clock.advance(10 - ms);
    }
    // A minute went by, and for the first two thirds of it what it said is heeded.
    expect(calls).toBeGreaterThan(100);
  },
);

test('of nodes that are much alike each gets its part, also from a caller with little to do', async () => {
  const { set, call, clock, answer } = setup({ make: recall, of: endpoints(5) });
  const chance = seededRandom(1);
  const calls = new Map<Node, number>();
  for (let i = 0; i < 2_000; i++) {
    const node = set.picker.pick(set.nodes, call(), clock.now(), false);
    if (node === undefined) continue;
    calls.set(node, (calls.get(node) ?? 0) + 1);
    await answer(node, 10 + chance());
  }
  expect(calls.size).toBe(5);
  for (const count of calls.values()) expect(count).toBeGreaterThan(100);
});

test('F61: one that stood still gets its share again when its probe succeeds, whatever it said of the time that it took', async () => {
  const { at, attempt, answer, clock, set, shares } = setup({
    make: recall,
    of: endpoints(4),
    health: { slowStartMs: 0 },
  });
  for (const node of set.nodes) await answer(node, 10);
  await answer(at(0), 4_000);
  set.reported(at(0), { rif: 30, serviceMs: 2_000 }, clock.now());
  for (let i = 0; i < 5; i++) attempt(at(0), 'failure');
  await clock.advance(20_000);
  for (const node of set.nodes.slice(1)) await answer(node, 10);
  expect(at(0).health.fitness(clock.now())).toBe('busy');
  await answer(at(0), 10);
  expect(at(0).health.fitness(clock.now())).toBe('up');
  expect(shares(1_000)[0]).toBeGreaterThan(0.15);
});

test.each([
  [1, 0.1],
  [0.1, 1],
])('one that weighs a tenth is called, also where all say that they are busy (%d beside %d)', async (first, others) => {
  const { set, answer, clock, shares } = setup({ make: recall, of: endpoints(8, (i) => (i === 0 ? first : others)) });
  for (const node of set.nodes) await answer(node, 10);
  for (const node of set.nodes) set.reported(node, { rif: 5 * node.endpoint.weight, serviceMs: 10 }, clock.now());
  await clock.advance(15_000);
  const [part = 0] = shares(2_000);
  expect(part).toBeGreaterThan((0.5 * first) / (first + 7 * others));
});

test('one whose callers give up on it is left alone, though nothing of it ever failed', async () => {
  const { set, at, answer, shares } = setup({ make: recall, of: endpoints(4) });
  for (const node of set.nodes) await answer(node, 10);
  for (let i = 0; i < 3; i++) await answer(at(0), 200, 'ignorable');
  expect(at(0).health.fitness(0)).toBe('up');
  expect(shares(1_000)[0]).toBeLessThan(0.01);
});

test('where the head of a response was there, whatever is given up of its body tells nothing of the time that it took', async () => {
  const { set, at, answer, call, clock } = setup({ make: recall, of: endpoints(4) });
  for (const node of set.nodes) await answer(node, 10);
  const ctx = call();
  set.begin(at(0), ctx, clock.now());
  ctx.finishedAt = clock.now() + 10;
  await clock.advance(10_000);
  set.report(at(0), 'ignorable', ctx);
  set.end(at(0), ctx);
  const reading = new LoadReading();
  at(0).read(reading, clock.now());
  expect(reading.serviceMs).toBe(10);
});
