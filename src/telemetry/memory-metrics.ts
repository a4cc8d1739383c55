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

/** A name with the labels that its series have. */
interface Family {
  readonly name: string;
  readonly labels: readonly string[];
}

/**
 * Keeps figures in memory, for exporters to read and for tests to assert on. What a series is called is kept once, in the key that it is
 * found by, and that is short: there are series of every endpoint.
 */
export class MemoryMetrics implements Metrics {
  readonly #counters = new Map<string, MemoryCounter>();
  readonly #histograms = new Map<string, LatencyHistogram>();
  readonly #gauges = new Map<string, () => number>();
  readonly #families: Family[] = [];

  counter(name: string, labels: Labels = {}): Counter {
    return this.#instrument(this.#counters, name, labels, () => new MemoryCounter());
  }

  histogram(name: string, labels: Labels = {}): Histogram {
    return this.#instrument(this.#histograms, name, labels, () => new LatencyHistogram());
  }

  gauge(name: string, labels: Labels, read: () => number): void {
    const key = this.#keyOf(name, labels);
    if (this.#gauges.size < MAX_SERIES || this.#gauges.has(key)) this.#gauges.set(key, read);
  }

  /** The value of a counter or gauge; 0 when there is none. */
  value(name: string, labels: Labels = {}): number {
    const key = this.#keyOf(name, labels);
    return this.#counters.get(key)?.value ?? this.#gauges.get(key)?.() ?? 0;
  }

  /** All figures as they stand now. */
  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const [key, { value }] of this.#counters) readings.push({ kind: 'counter', ...this.#seriesOf(key), value });
    for (const [key, read] of this.#gauges) readings.push({ kind: 'gauge', ...this.#seriesOf(key), value: read() });
    for (const [key, histogram] of this.#histograms) {
      const { count, sumMs, maxMs } = histogram;
      readings.push({
        kind: 'histogram',
        ...this.#seriesOf(key),
        count,
        sumMs,
        maxMs,
        p50Ms: histogram.quantileMs(0.5),
        p99Ms: histogram.quantileMs(0.99),
      });
    }
    return readings;
  }

  /** The instrument of that name and those labels; past the cap all newcomers of a name share one, labelled `other`. */
  #instrument<T>(all: Map<string, T>, name: string, labels: Labels, make: () => T): T {
    const key = this.#keyOf(name, labels);
    const known = all.get(key);
    if (known !== undefined) return known;
    if (all.size >= MAX_SERIES && labels['series'] !== 'other')
      return this.#instrument(all, name, { series: 'other' }, make);
    const made = make();
    all.set(key, made);
    return made;
  }

  /** The number of its family and the values of its labels. */
  #keyOf(name: string, labels: Labels): string {
    const names = Object.keys(labels).sort();
    return JSON.stringify([this.#familyOf(name, names), ...names.map((one) => labels[one])]);
  }

  #familyOf(name: string, labels: readonly string[]): number {
    const found = this.#families.findIndex(
      (one) =>
        one.name === name && one.labels.length === labels.length && one.labels.every((of, i) => of === labels[i]),
    );
    return found < 0 ? this.#families.push({ name, labels }) - 1 : found;
  }

  #seriesOf(key: string): { readonly name: string; readonly labels: Labels } {
    const [family, ...values] = JSON.parse(key) as [number, ...string[]]; // what `#keyOf` wrote
    const { name, labels } = this.#families[family] ?? { name: '', labels: [] };
    return { name, labels: Object.fromEntries(labels.map((of, i) => [of, values[i] ?? ''])) };
  }
}
