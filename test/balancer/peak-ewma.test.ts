import { expect, test } from 'vitest';
import { LoadReading } from '../../src/balancer/load-reading.ts';
import { Peak } from '../../src/balancer/peak.ts';
import { peakEwma } from '../../src/balancer/pickers/peak-ewma.ts';
import { endpoints, setup } from './node-setup.ts';

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
  expect([peak.exceeded(...took(35, 10_000)), peak.exceeded(...took(40, 10_000))]).toEqual([false, true]);
  peak.add(...took(10, 10_000));
  expect(value(10_000)).toBeCloseTo(100 * Math.exp(-1) + 10 * (1 - Math.exp(-1)), 0);
});

async function used() {
  const all = setup({ make: peakEwma, of: endpoints(4), health: { slowStartMs: 0 } });
  const { set, answer } = all;
  for (const node of set.nodes) await answer(node, 10);
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

test('a failure counts when it took longer than answers do, and a fast one does not look like speed', async () => {
  const { at, answer, shares } = await used();
  await answer(at(0), 1, 'failure');
  expect(shares(10_000)[0]).toBeGreaterThan(0.15);
  expect(shares(10_000)[0]).toBeLessThan(0.45);
  await answer(at(0), 1_000, 'failure');
  expect(shares(1_000)[0]).toBe(0);
});
