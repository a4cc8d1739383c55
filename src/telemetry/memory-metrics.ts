import type { Counter, Histogram, Labels, Metrics } from '../core/metrics.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** One figure as it stands now. */
export type Reading =
  | { readonly kind: 'counter' | 'gauge'; readonly name: string; readonly labels: Labels; readonly value: number }
  | {
      readonly kind: 'histogram';
      readonly name: string;
      readonly labels: Labels;
      readonly count: number;
      readonly sumMs: number;
      readonly p50Ms: number;
      readonly p99Ms: number;
      readonly maxMs: number;
    };

/** Names and labels come from outside (services, endpoints), so the number of series has to end somewhere. */
const MAX_SERIES = 2_000;

class MemoryCounter implements Counter {
  value = 0;
  add(count = 1): void {
    this.value += count;
  }
}

/**
 * Keeps figures in memory, for exporters to read and for tests to assert on. A name and its labels are kept once, as the key that they are
 * found by: there are figures of every endpoint.
 */
export class MemoryMetrics implements Metrics {
  readonly #counters = new Map<string, MemoryCounter>();
  readonly #histograms = new Map<string, LatencyHistogram>();
  readonly #gauges = new Map<string, () => number>();

  counter(name: string, labels: Labels = {}): Counter {
    return instrument(this.#counters, name, labels, () => new MemoryCounter());
  }

  histogram(name: string, labels: Labels = {}): Histogram {
    return instrument(this.#histograms, name, labels, () => new LatencyHistogram());
  }

  gauge(name: string, labels: Labels, read: () => number): void {
    const key = keyOf(name, labels);
    if (this.#gauges.size < MAX_SERIES || this.#gauges.has(key)) this.#gauges.set(key, read);
  }

  /** The value of a counter or gauge; 0 when there is none. */
  value(name: string, labels: Labels = {}): number {
    const key = keyOf(name, labels);
    return this.#counters.get(key)?.value ?? this.#gauges.get(key)?.() ?? 0;
  }

  /** All figures as they stand now. */
  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const [key, { value }] of this.#counters) readings.push({ kind: 'counter', ...seriesOf(key), value });
    for (const [key, read] of this.#gauges) readings.push({ kind: 'gauge', ...seriesOf(key), value: read() });
    for (const [key, histogram] of this.#histograms) {
      const { count, sumMs, maxMs } = histogram;
      readings.push({
        kind: 'histogram',
        ...seriesOf(key),
        count,
        sumMs,
        maxMs,
        p50Ms: histogram.quantileMs(0.5),
        p99Ms: histogram.quantileMs(0.99),
      });
    }
    return readings;
  }
}

/** The instrument of that name and those labels; past the cap all newcomers of a name share one, labelled `other`. */
function instrument<T>(all: Map<string, T>, name: string, labels: Labels, make: () => T): T {
  const key = keyOf(name, labels);
  const known = all.get(key);
  if (known !== undefined) return known;
  if (all.size >= MAX_SERIES && labels['series'] !== 'other') return instrument(all, name, { series: 'other' }, make);
  const made = make();
  all.set(key, made);
  return made;
}

function keyOf(name: string, labels: Labels): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, Object.fromEntries(sorted)]);
}

function seriesOf(key: string): { readonly name: string; readonly labels: Labels } {
  const [name, labels] = JSON.parse(key) as [string, Labels]; // what `keyOf` wrote
  return { name, labels };
}
