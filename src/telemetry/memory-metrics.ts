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

interface Series<T> {
  readonly name: string;
  readonly labels: Labels;
  readonly instrument: T;
}

/** Keeps figures in memory, for exporters to read and for tests to assert on. */
export class MemoryMetrics implements Metrics {
  readonly #counters = new Map<string, Series<MemoryCounter>>();
  readonly #histograms = new Map<string, Series<LatencyHistogram>>();
  readonly #gauges = new Map<string, Series<() => number>>();

  counter(name: string, labels: Labels = {}): Counter {
    return series(this.#counters, name, labels, () => new MemoryCounter());
  }

  histogram(name: string, labels: Labels = {}): Histogram {
    return series(this.#histograms, name, labels, () => new LatencyHistogram());
  }

  gauge(name: string, labels: Labels, read: () => number): void {
    const key = keyOf(name, labels);
    if (this.#gauges.size < MAX_SERIES || this.#gauges.has(key))
      this.#gauges.set(key, { name, labels, instrument: read });
  }

  /** The value of a counter or gauge; 0 when there is none. */
  value(name: string, labels: Labels = {}): number {
    const key = keyOf(name, labels);
    return this.#counters.get(key)?.instrument.value ?? this.#gauges.get(key)?.instrument() ?? 0;
  }

  /** All figures as they stand now. */
  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const { name, labels, instrument } of this.#counters.values()) {
      readings.push({ kind: 'counter', name, labels, value: instrument.value });
    }
    for (const { name, labels, instrument } of this.#gauges.values())
      readings.push({ kind: 'gauge', name, labels, value: instrument() });
    for (const { name, labels, instrument } of this.#histograms.values()) {
      const { count, sumMs, maxMs } = instrument;
      readings.push({
        kind: 'histogram',
        name,
        labels,
        count,
        sumMs,
        maxMs,
        p50Ms: instrument.quantileMs(0.5),
        p99Ms: instrument.quantileMs(0.99),
      });
    }
    return readings;
  }
}

/** The series of that name and those labels; past the cap all newcomers of a name share one, labelled `other`. */
function series<T>(all: Map<string, Series<T>>, name: string, labels: Labels, make: () => T): T {
  const key = keyOf(name, labels);
  const known = all.get(key);
  if (known !== undefined) return known.instrument;
  if (all.size >= MAX_SERIES && labels['series'] !== 'other') return series(all, name, { series: 'other' }, make);
  const instrument = make();
  all.set(key, { name, labels, instrument });
  return instrument;
}

function keyOf(name: string, labels: Labels): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, sorted]);
}
