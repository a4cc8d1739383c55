import { expect, test } from 'vitest';
import { LoadReading } from '../../src/balancer/load-reading.ts';
import { Peak } from '../../src/balancer/peak.ts';
import { peakEwma } from '../../src/balancer/pickers/peak-ewma.ts';
import { endpoint, endpoints, setup } from './node-setup.ts';

const took = (ms: number, now: number) => [{ startedAt: now - ms }, now] as const;

test('the cost goes up at once, comes down with a time constant of ten seconds, and fades while nothing comes', () => {
  const peak = new Peak();
  const reading = new LoadReading();
  const value = (now: number) => {
    peak.read(reading, now);
    return reading.serviceMs;
  };
  peak.add(...took(10, 0));
  peak.add(...took(100, 0));
  expect(value(0)).toBe(100);
  expect(value(10_000)).toBeCloseTo(100 * Math.exp(-1), 0);
  peak.add(...took(10, 10_000));
  expect(value(10_000)).toBeCloseTo(100 * Math.exp(-1) + 10 * (1 - Math.exp(-1)), 0);
});

async function used(ms = 10) {
  const all = setup({ make: peakEwma, of: endpoints(4), health: { slowStartMs: 0 } });
  const { set, answer } = all;
  for (const node of set.nodes) await answer(node, ms);
  return all;
}

test('of a pair the one that costs less gets the call', async () => {
  const { at, answer, shares } = await used();
  await answer(at(0), 200);
  const [slow] = shares(1_000);
  expect(slow).toBe(0);
});

test('a new node is not flooded, and has its part', async () => {
  const { update, shares } = await used();
  update(endpoints(5));
  expect(shares(20_000)[4]).toBeGreaterThan(0.05);
  expect(shares(20_000)[4]).toBeLessThan(0.35);
});

test('a node that fails fast before it ever answered is not free', async () => {
  const { at, update, answer, shares } = await used();
  update(endpoints(5));
  for (let i = 0; i < 3; i++) await answer(at(4), 0, 'failure');
  expect(shares(20_000)[4]).toBeLessThan(0.35);
});

test('one that was given up counts when it took longer than answers do', async () => {
  const { at, answer, shares } = await used();
  await answer(at(0), 10, 'ignorable');
  expect(shares(10_000)[0]).toBeGreaterThan(0.15);
  await answer(at(0), 1_000, 'ignorable');
  expect(shares(1_000)[0]).toBe(0);
});

test('a failure counts when it took longer than answers do, and a fast one does not look like speed', async () => {
  const { at, answer, shares } = await used();
  await answer(at(0), 1, 'failure');
  expect(shares(10_000)[0]).toBeGreaterThan(0.15);
  expect(shares(10_000)[0]).toBeLessThan(0.45);
  await answer(at(0), 1_000, 'failure');
  expect(shares(1_000)[0]).toBe(0);
});

test('a new node has its part in the end beside one that is always slow: what it costs fades as that of any other', async () => {
  const { at, answer, update, shares } = await used();
  const round = async () => {
    await answer(at(0), 1_000);
    for (const i of [1, 2, 3]) await answer(at(i), 10);
  };
  await round();
  update(endpoints(5));
  for (let i = 0; i < 40; i++) {
    shares(10);
    await round();
  }
  expect(shares(20_000)[4]).toBeGreaterThan(0.15);
});

test('a new node whose attempts fail late, and never answers, is not taken for as good as the others', async () => {
  const { at, update, answer, shares } = await used();
  update(endpoints(5));
  await answer(at(4), 1_000, 'failure');
  expect(shares(1_000)[4]).toBe(0);
});

test('where answers take longer than what is remembered, the one with fewer requests on their way still gets the call', async () => {
  const { at, clock, shares } = await used();
  await clock.advance(200_000);
  for (const i of [0, 1, 2]) at(i).running = 3;
  // In half of all pairs.
  expect(Math.abs((shares(20_000)[3] ?? 0) - 0.5)).toBeLessThan(0.02);
});

test('one that only fails, and fast, does not become cheaper by that', async () => {
  const { at, answer, shares } = await used(1_000);
  for (let i = 0; i < 30; i++) {
    for (const n of [1, 2, 3]) await answer(at(n), 1_000);
    await answer(at(0), 1, 'failure');
    at(0).health.comeBack(Number.NEGATIVE_INFINITY, '');
  }
  expect(shares(10_000)[0]).toBeLessThan(0.3);
});

test('with requests on their way all the time, nodes hold them in proportion to their weights', () => {
  const { set, pick, call, clock } = setup({ make: peakEwma, of: endpoints(4, (i) => i + 1) });
  for (let i = 0; i < 1_000; i++) {
    const node = pick();
    if (node !== undefined) set.begin(node, call(), clock.now());
  }
  expect(set.nodes.map(({ running }) => Math.round(running / 100))).toEqual([1, 2, 3, 4]);
});

test('one that starts slowly is not given more than its share because the others have more to do', async () => {
  const { at, shares, update, clock } = setup({ make: peakEwma, of: endpoints(2) });
  update([0, 1, 2].map((n) => endpoint(n)));
  await clock.advance(1_000);
  for (const i of [0, 1]) at(i).running = 4;
  at(2).running = 1;
  expect(shares(10_000)[2]).toBe(0);
});
