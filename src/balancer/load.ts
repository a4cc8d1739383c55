import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import type { LoadReading } from './load-reading.ts';
import type { LoadReport } from './load-report.ts';
import { ANSWERED_AT, BEGUN_SUM, FAILED_AT, FAILING, LATENCY_MS, RIF, SENT, SERVICE_MS, USUAL } from './load-table.ts';
import { findRif, forgetReport, freshReport, heardReport, presumeRif } from './reported-load.ts';
import { findServiceMs, forgetService, STUCK, served } from './service-time.ts';

/** What one answer weighs in the mean time to an answer as measured here. */
const LATENCY_WEIGHT = 0.3;
/** What one outcome weighs in the share of failures, and the steps per millisecond in which they are forgiven: 2 s. */
const FAILURE_WEIGHT = 0.2;
const FORGIVING = STEPS / 2_000;
/** A share of failures that makes no difference any more. */
const FORGIVEN = 1e-4;
/** How long an attempt that was given up is taken to have taken, in times of how long it did. */
const GIVEN_UP = 2;

const UNUSED = -1;
const LEFT_SET = -2;

interface Begun {
  readonly startedAt: number;
}

/** The score of the best so far of a pick, and what it adds to the requests in flight of each. */
export interface ToBeat {
  readonly score: number;
  readonly usual: number;
}

/**
 * How much one node has to do and how well it does it, from the attempts of this process and from what the node reports. What is known fades
 * towards what is usual in the set; that is computed when somebody asks, from the time that has passed. Times are monotonic milliseconds.
 */
export class Load {
  /** What is usual in its set. */
  readonly means: LoadMeans;
  /** Attempts of this process on their way, bodies included. */
  running = 0;
  /** Where its numbers begin in the table of the set; below 0 for one that has none. */
  #at: number = UNUSED;

  constructor(means: LoadMeans) {
    this.means = means;
  }

  /** Mean time to a successful answer as measured here, the newer ones weighing more; NaN before the first. Milliseconds. */
  get latencyMs(): number {
    return this.#at < 0 ? Number.NaN : (this.means.table.numbers[this.#at + LATENCY_MS] ?? Number.NaN);
  }

  /** When it last answered well; `-Infinity` before the first time. */
  get answeredAt(): number {
    if (this.#at < 0) return Number.NEGATIVE_INFINITY;
    return this.means.table.numbers[this.#at + ANSWERED_AT] ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether it answered well so short a time ago. */
  answeredWithin(ms: number, now: number): boolean {
    return this.#at >= 0 && now - (this.means.table.numbers[this.#at + ANSWERED_AT] ?? 0) <= ms;
  }

  // Attempts are given whole, and not by the moment at which they began: a fraction that is handed on may be allocated.

  begin(attempt: Begun): void {
    this.running++;
    const at = this.#place();
    if (at < 0) return;
    const { numbers, reporting, reports } = this.means.table;
    numbers[at + BEGUN_SUM] = (numbers[at + BEGUN_SUM] ?? 0) + attempt.startedAt;
    if (reporting) reports[at + SENT] = (reports[at + SENT] ?? 0) + 1;
  }

  /** That attempt is over. */
  end(attempt: Begun): void {
    this.running--;
    const at = this.#at;
    if (at < 0) return;
    const { numbers } = this.means.table;
    // What rounding left behind must not stay.
    numbers[at + BEGUN_SUM] = this.running === 0 ? 0 : (numbers[at + BEGUN_SUM] ?? 0) - attempt.startedAt;
  }

  /** An attempt was answered well. */
  answered(attempt: Begun, now: number): void {
    const at = this.#place();
    if (at < 0) return;
    const { means } = this;
    const { latencyMs, table } = means;
    const { numbers } = table;
    numbers[at + ANSWERED_AT] = now;
    const ms = now - attempt.startedAt;
    const before = numbers[at + LATENCY_MS] ?? Number.NaN;
    const stuck = ms > STUCK * latencyMs.value;
    if (Number.isNaN(before)) {
      numbers[at + LATENCY_MS] = ms;
      latencyMs.join(ms);
    } else {
      const step = LATENCY_WEIGHT * (ms - before);
      numbers[at + LATENCY_MS] = before + step;
      latencyMs.sum += step;
      latencyMs.value = latencyMs.sum / latencyMs.count;
    }
    // A server does not know how long a request waited before it looked at it, as for an event loop that was blocked.
    if (stuck || !table.reporting || !freshReport(means, at, now)) {
      means.sampleMs = ms;
      served(means, at, now);
    }
    const failing = numbers[at + FAILING] ?? 0;
    if (failing === 0) return;
    this.#fade(now);
    const left = (numbers[at + FAILING] ?? 0) * (1 - FAILURE_WEIGHT);
    numbers[at + FAILING] = left < FORGIVEN ? 0 : left;
  }

  failed(now: number): void {
    const at = this.#place();
    if (at < 0) return;
    const { numbers } = this.means.table;
    this.#fade(now);
    const failing = numbers[at + FAILING] ?? 0;
    numbers[at + FAILING] = failing + FAILURE_WEIGHT * (1 - failing);
  }

  /**
   * An attempt was given up before it was answered, as a call is that its caller cancels, and one that a hedge overtakes: it would have taken longer than it did, nobody
   * knows how much. Twice as long, where that is more than is usual; else it says nothing.
   */
  gaveUp(attempt: Begun, now: number): void {
    const { means } = this;
    const ms = now - attempt.startedAt;
    if (this.#at < 0 || !(ms > STUCK * means.latencyMs.value)) return;
    means.sampleMs = GIVEN_UP * ms;
    served(means, this.#at, now);
  }

  reported(report: LoadReport, now: number): void {
    const at = this.#place();
    if (at < 0) return;
    const { means } = this;
    heardReport(means, at, report, now);
    means.sampleMs = report.serviceMs;
    served(means, at, now);
  }

  /**
   * It comes back after it was out of use: how it was before says nothing of now, and it is as good as any until it answers. That it is used with care, and
   * taken out again when it fails, is its health's business.
   */
  forget(): void {
    const at = this.#at;
    if (at < 0) return;
    forgetService(this.means, at);
    forgetReport(this.means, at);
    this.means.table.numbers[at + FAILING] = 0;
  }

  /** The node left the set: it no longer counts in what is usual there, and what is still told of it is not heard. */
  leave(): void {
    const at = this.#at;
    this.#at = LEFT_SET;
    if (at < 0) return;
    const { latencyMs, table } = this.means;
    const latency = table.numbers[at + LATENCY_MS] ?? Number.NaN;
    if (!Number.isNaN(latency)) latencyMs.leave(latency);
    forgetService(this.means, at);
    forgetReport(this.means, at);
    table.give(at);
  }

  /**
   * Whether nothing is to be told of it but how long it takes and what this process has on its way there: it has not failed of late, and no node of its set reports.
   */
  get simple(): boolean {
    const at = this.#at;
    return at >= 0 && this.means.rif.count === 0 && this.means.table.numbers[at + FAILING] === 0;
  }

  /** Puts how long a request takes there into `means.foundMs`. */
  findServiceMs(now: number): void {
    const { means } = this;
    if (this.#at < 0) means.foundMs = means.serviceMs.value;
    else findServiceMs(means, this.#at, this.running, now);
  }

  /** Tells how the node is. Where no node reports, its requests in flight are the attempts of this process. */
  read(into: LoadReading, now: number): void {
    const { means, running } = this;
    const { table } = means;
    const at = this.#at;
    this.findServiceMs(now);
    into.serviceMs = means.foundMs;
    if (at >= 0 && table.reporting) findRif(into, means, at, running, now);
    else presumeRif(into, means, running);
    const failing = at < 0 ? 0 : (table.numbers[at + FAILING] ?? 0);
    into.failing = failing;
    if (failing === 0) return;
    const steps = (now - (table.numbers[at + FAILED_AT] ?? 0)) * FORGIVING;
    into.failing = failing * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
  }

  /**
   * Whether its score, taken so many `times`, can be below that of the best so far at all; answers fast, since it seldom can. What it takes is between what is known
   * and the mean that this fades into, or more; what it has to do, the attempts of this process on their way, or between what it reported and what that fades into. Nothing makes a score less than that.
   */
  mayBeat(best: ToBeat, times: number): boolean {
    const at = this.#at;
    if (at < 0) return true;
    const { rif, serviceMs, table } = this.means;
    const { numbers, reports } = table;
    const known = numbers[at + SERVICE_MS] ?? Number.NaN;
    let has = this.running;
    if (table.reporting) {
      const reported = Math.min(reports[at + RIF] ?? 0, reports[at + USUAL] ?? 0, rif.value);
      if (reported > has) has = reported;
    }
    const queue = best.usual + has;
    const least = Math.min(known, serviceMs.value) * queue * queue * times;
    return !(least >= best.score);
  }

  /** Its place in the table, taken when it is first needed: of many nodes most are never called. */
  #place(): number {
    if (this.#at === UNUSED) this.#at = this.means.table.take();
    return this.#at;
  }

  #fade(now: number): void {
    const at = this.#at;
    const { numbers } = this.means.table;
    const steps = (now - (numbers[at + FAILED_AT] ?? 0)) * FORGIVING;
    const left = LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0;
    numbers[at + FAILING] = (numbers[at + FAILING] ?? 0) * left;
    numbers[at + FAILED_AT] = now;
  }
}
