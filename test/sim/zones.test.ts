import { expect, test } from 'vitest';
import { policyOf } from '../../bench/sim/policy.ts';
import { ZONES } from '../../bench/sim/scenarios.ts';
import { simulate } from '../../bench/sim/simulate.ts';

const [even, halved, crowded] = ZONES;
if (even === undefined || halved === undefined || crowded === undefined) throw new Error('there are three scenarios');
const ZONE_COUNT = 3;

/** Requests of each server, by zone. */
function byZone(requests: readonly number[]): readonly (readonly number[])[] {
  return Array.from({ length: ZONE_COUNT }, (_, zone) =>
    requests.filter((_count, server) => server % ZONE_COUNT === zone),
  );
}

/** The largest deviation from the mean, relative to it. */
function unevenness(requests: readonly number[]): number {
  const mean = requests.reduce((sum, count) => sum + count, 0) / requests.length;
  return Math.max(...requests.map((count) => Math.abs(count - mean))) / mean;
}

const run = (scenario: typeof even, policy: string) =>
  simulate({ ...scenario, durationMs: 20_000 }, policyOf(policy), 3);

test.each(['p2c', 'recall'])(
  '%s: no call leaves its zone while nothing is wrong there, and two of three where zones do not count',
  (name) => {
    const near = run(even, name);
    expect([near.away, near.succeeded]).toEqual([0, near.calls]);
    const anywhere = run(even, `${name}+everywhere`);
    // `recall` prefers those that answered sooner, which are the near ones.
    expect(anywhere.away / anywhere.sent).toBeGreaterThan(0.5);
    // Two ways of 0.7 ms more for two of three calls.
    expect(anywhere.meanMs - near.meanMs).toBeGreaterThan(0.5);
  },
);

test('from a zone that lost half of its servers 30 % of its calls go to the others, and all stay even', () => {
  const { away, sent, requests, succeeded, calls } = run(halved, 'p2c');
  expect(Math.abs(away / sent - 0.3 / ZONE_COUNT)).toBeLessThan(0.01);
  const [own = [], ...others] = byZone(requests);
  // In the order of the servers, the first three of the zone are those that fail: they get probes.
  const [sick, well] = [own.slice(0, 3), own.slice(3)];
  const total = requests.reduce((sum, count) => sum + count, 0);
  expect(sick.reduce((sum, count) => sum + count, 0) / total).toBeLessThan(0.01);
  expect(unevenness(well)).toBeLessThan(0.05);
  // Both take the same part of what comes.
  expect(unevenness(others.flat())).toBeLessThan(0.05);
  // 70 % of its calls for three servers; for twelve the calls of two zones and 30 % of those of one.
  const mean = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length;
  expect(Math.abs(mean(well) / mean(others.flat()) - 0.7 / 3 / (2.3 / 12))).toBeLessThan(0.05);
  expect(succeeded / calls).toBeGreaterThan(0.995);
});

test('a zone with half of the clients keeps their calls, for nobody knows how many callers there are (decision 16)', () => {
  const { away, requests } = run(crowded, 'p2c');
  expect(away).toBe(0);
  const parts = byZone(requests).map((zone) => zone.reduce((sum, count) => sum + count, 0));
  const total = requests.reduce((sum, count) => sum + count, 0);
  expect(parts.map((part) => Math.round((6 * part) / total))).toEqual([3, 2, 1]);
  for (const zone of byZone(requests)) expect(unevenness(zone)).toBeLessThan(0.05);
});
