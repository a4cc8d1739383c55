import type { CallsReport } from './protocol.ts';

/** What the calls of one phase came to. */
export interface PhaseRow {
  readonly phase: string;
  readonly calls: number;
  readonly failed: number;
  readonly retries: number;
  /** Of all calls, failed ones too. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the answered calls by instance, 0 to 1. A restarted process goes on as the one that it replaced. */
  readonly share: Readonly<Record<string, number>>;
}

/** Sums up the reports of calls. */
export class Tally {
  readonly failures = new Map<string, number>();
  readonly #phases = new Map<number, CallsReport[]>();
  #recent: { readonly at: number; readonly report: CallsReport }[] = [];

  add(report: CallsReport): void {
    this.#phases.set(report.phase, [...(this.#phases.get(report.phase) ?? []), report]);
    this.#recent.push({ at: performance.now(), report });
    for (const [message, times] of Object.entries(report.failures))
      this.failures.set(message, (this.failures.get(message) ?? 0) + times);
  }

  row(phase: number, title: string): PhaseRow {
    return sumUp(title, this.#phases.get(phase) ?? []);
  }

  total(): PhaseRow {
    return sumUp('all', [...this.#phases.values()].flat());
  }

  /** What was reported within the last second. */
  lastSecond(): PhaseRow {
    const since = performance.now() - 1_000;
    this.#recent = this.#recent.filter(({ at }) => at >= since);
    return sumUp(
      'last second',
      this.#recent.map(({ report }) => report),
    );
  }
}

/** The name under which an instance is counted: that of a successor is the name before it and a prime. */
export function placeOf(instance: string): string {
  return instance.replace(/′+$/, '');
}

function sumUp(phase: string, reports: readonly CallsReport[]): PhaseRow {
  const latencies = reports.flatMap((report) => report.latencies).sort((a, b) => a - b);
  const served = new Map<string, number>();
  let answered = 0;
  for (const report of reports) {
    for (const [instance, times] of Object.entries(report.served)) {
      const place = placeOf(instance);
      served.set(place, (served.get(place) ?? 0) + times);
      answered += times;
    }
  }
  const places = [...served].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    phase,
    calls: latencies.length,
    failed: latencies.length - answered,
    retries: reports.reduce((sum, { retries }) => sum + retries, 0),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    share: Object.fromEntries(places.map(([place, times]) => [place, round(times / answered, 3)])),
  };
}

/** The smallest value that `ratio` of all are not above; 0 when there are none. */
function percentile(sorted: readonly number[], ratio: number): number {
  return round(sorted[Math.max(0, Math.ceil(ratio * sorted.length) - 1)] ?? 0, 1);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
