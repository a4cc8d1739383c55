/** Numbers of one node: its place in a table and these. Eight of them fill what a processor fetches at once. */
const WIDTH = 8;
/** Mean time to a successful answer as measured here, the newer ones weighing more; NaN before the first. Milliseconds. */
export const LATENCY_MS = 0;
/** The same, as the node reports it where it does. */
export const SERVICE_MS = 1;
/** When that was last put down, and when it was last heard of. */
export const SERVED_AT = 2;
export const HEARD_AT = 6;
/** The share of failures, as it was at `FAILED_AT`. */
export const FAILING = 3;
export const FAILED_AT = 4;
/** The sum of the moments at which the attempts on their way began. */
export const BEGUN_SUM = 5;
/** When it last answered well itself; `-Infinity` before the first time. */
export const ANSWERED_AT = 7;

// Of the reports of a node:
/** Its requests in flight, as last reported, and when that was. */
export const RIF = 0;
export const REPORTED_AT = 1;
/** The slow average of it, and when that was put down; NaN for one that does not report. */
export const USUAL = 2;
export const USUAL_AT = 3;
/** Own attempts begun since the last report, which it cannot know of. */
export const SENT = 4;
const NO_REPORT = Float64Array.of(0, Number.NEGATIVE_INFINITY, Number.NaN, Number.NEGATIVE_INFINITY, 0, 0, 0, 0);

/**
 * What is known of the load of the nodes of a set, in one array. A pick looks at nodes that no cache holds: six numbers in six objects of an object would each have to be
 * fetched.
 */
export class LoadTable {
  numbers: Float64Array = new Float64Array(16 * WIDTH);
  /** What nodes report, at the same places; empty until one of the set does. */
  reports: Float64Array = new Float64Array(0);
  reporting = false;
  readonly #free: number[] = [];
  #used = 0;

  /** Where the numbers of one more node begin. */
  take(): number {
    const at = this.#free.pop() ?? this.#used;
    if (at === this.#used) this.#used += WIDTH;
    if (this.#used > this.numbers.length) {
      this.numbers = twice(this.numbers);
      this.reports = twice(this.reports);
    }
    if (this.reporting) this.reports.set(NO_REPORT, at);
    this.numbers.fill(0, at, at + WIDTH);
    this.numbers.fill(Number.NaN, at + LATENCY_MS, at + SERVICE_MS + 1);
    this.numbers[at + ANSWERED_AT] = Number.NEGATIVE_INFINITY;
    return at;
  }

  /** Those of this node are for another. */
  give(at: number): void {
    this.#free.push(at);
  }

  /** From now on there are reports. */
  holdReports(): void {
    if (this.reporting) return;
    this.reporting = true;
    this.reports = new Float64Array(this.numbers.length);
    for (let at = 0; at < this.reports.length; at += WIDTH) this.reports.set(NO_REPORT, at);
  }
}

function twice(numbers: Float64Array): Float64Array {
  const more = new Float64Array(2 * numbers.length);
  more.set(numbers);
  return more;
}
