import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatencyHistogram } from '../../src/telemetry/latency-histogram.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';

test('a histogram without records has no quantile', () => {
  expect(new LatencyHistogram().quantileMs(0.5)).toBeNaN();
});

test('count, sum and maximum are exact', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [3, 1.5, 200_000]) histogram.record(ms);
  expect([histogram.count, histogram.sumMs, histogram.maxMs]).toEqual([3, 200_004.5, 200_000]);
});

test('a quantile is at most 6.25 % above the record of its rank, and never below it', () => {
  const records = fc.array(fc.double({ min: 0.001, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(records, fc.double({ min: 0, max: 1, noNaN: true }), (all, ratio) => {
      const histogram = new LatencyHistogram();
      for (const ms of all) histogram.record(ms);
      const sorted = all.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(ratio * all.length)) - 1] ?? Number.NaN;
      const quantile = histogram.quantileMs(ratio);
      expect(quantile).toBeGreaterThanOrEqual(exact - 1e-9);
      expect(quantile).toBeLessThanOrEqual(exact * 1.0625 + 1e-9);
    }),
    { numRuns: 1_000 },
  );
});

test('what is too short or too long to tell apart is still counted', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [0, -1, 1e-9, 1e9]) histogram.record(ms);
  expect(histogram.count).toBe(4);
  expect(histogram.quantileMs(0.5)).toBeLessThanOrEqual(0.002);
  expect(histogram.maxMs).toBe(1e9);
});

test('asking again for the same name and labels gives the same instrument', () => {
  const metrics = new MemoryMetrics();
  metrics.counter('calls', { service: 'players', outcome: 'success' }).add();
  metrics.counter('calls', { outcome: 'success', service: 'players' }).add(2);
  metrics.counter('calls', { service: 'teams', outcome: 'success' }).add(10);
  metrics.counter('other').add(100);
  expect(metrics.value('calls', { service: 'players', outcome: 'success' })).toBe(3);
  expect(metrics.value('calls', { service: 'teams', outcome: 'success' })).toBe(10);
  expect(metrics.value('calls')).toBe(0);
});

test('a gauge is asked when it is read, and its newest reader counts', () => {
  const metrics = new MemoryMetrics();
  let running = 1;
  metrics.gauge('running', { service: 'players' }, () => -1);
  metrics.gauge('running', { service: 'players' }, () => running);
  expect(metrics.value('running', { service: 'players' })).toBe(1);
  running = 7;
  expect(metrics.value('running', { service: 'players' })).toBe(7);
});

test('all figures can be read at once', () => {
  const metrics = new MemoryMetrics();
  metrics.counter('calls', { service: 'players' }).add(3);
  metrics.gauge('running', {}, () => 2);
  for (const ms of [1, 2, 100]) metrics.histogram('latency').record(ms);
  const readings = metrics.read();
  expect(readings).toEqual([
    { kind: 'counter', name: 'calls', labels: { service: 'players' }, value: 3 },
    { kind: 'gauge', name: 'running', labels: {}, value: 2 },
    expect.objectContaining({ kind: 'histogram', name: 'latency', labels: {}, count: 3, sumMs: 103, maxMs: 100 }),
  ]);
  const histogram = readings.find(({ kind }) => kind === 'histogram');
  if (histogram?.kind !== 'histogram') throw new Error('no histogram was read');
  expect(histogram.p50Ms).toBeGreaterThanOrEqual(2);
  expect(histogram.p50Ms).toBeLessThan(2.13);
  expect(histogram.p99Ms).toBe(100);
});

test('however many names come from outside, the series end at two thousand and nothing is lost', () => {
  const metrics = new MemoryMetrics();
  for (let i = 0; i < 10_000; i++) {
    metrics.counter('calls', { service: `s${i}` }).add();
    metrics.histogram('latency', { service: `s${i}` }).record(1);
    metrics.gauge('running', { service: `s${i}` }, () => 1);
  }
  const readings = metrics.read();
  const counters = readings.filter(({ kind }) => kind === 'counter');
  expect(counters).toHaveLength(2_001);
  expect(readings.filter(({ kind }) => kind === 'histogram')).toHaveLength(2_001);
  expect(readings.filter(({ kind }) => kind === 'gauge')).toHaveLength(2_000);
  expect(metrics.value('calls', { service: 's0' })).toBe(1);
  expect(metrics.value('calls', { series: 'other' })).toBe(8_000);
});

test('a gauge that is there already can be replaced when there is no room for more', () => {
  const metrics = new MemoryMetrics();
  for (let i = 0; i < 3_000; i++) metrics.gauge('running', { service: `s${i}` }, () => 1);
  metrics.gauge('running', { service: 's5' }, () => 9);
  expect(metrics.value('running', { service: 's5' })).toBe(9);
  expect(metrics.value('running', { service: 's2500' })).toBe(0);
});

test('labels whose values look like other labels are other series', () => {
  const metrics = new MemoryMetrics();
  metrics.counter('calls', { a: '1\nb=2' }).add();
  expect(metrics.value('calls', { a: '1', b: '2' })).toBe(0);
});
