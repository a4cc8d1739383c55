import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import type { LoadReading } from './load-reading.ts';
import type { LoadReport } from './load-report.ts';
import { ReportedLoad } from './reported-load.ts';

/** What one answer weighs in the time that a node takes, and the steps per millisecond in which one of which nothing is heard becomes like the others: 5 s. */
const SERVICE_WEIGHT = 0.3;
const FORGETTING = STEPS / 5_000;
/** What one outcome weighs in the share of failures, and the steps per millisecond in which they are forgiven: 2 s. */
const FAILURE_WEIGHT = 0.2;
const FORGIVING = STEPS / 2_000;
/** A share of failures that makes no difference any more. */
const FORGIVEN = 1e-4;
/** Attempts that have been on their way for so many times the mean latency say more of a node than what it answered before. */
const STUCK = 2;

interface Begun {
  readonly startedAt: number;
}

/**
 * How much one node has to do and how well it does it, from the attempts of this process and from what the node reports. What is known fades
 * towards what is usual in the set; that is computed when somebody asks, from the time that has passed. Times are monotonic milliseconds.
 */
export class Load {
  /** What is usual in its set. */
  readonly means: LoadMeans;
  /** Mean time to a successful answer as measured here, the newer ones weighing more; NaN before the first. Milliseconds. */
  latencyMs: number = Number.NaN;
  #serviceMs: number = Number.NaN;
  #servedAt: number = Number.NEGATIVE_INFINITY;
  /** What the next sample of it is. */
  #sampleMs: number = Number.NaN;
  #failing = 0;
  #failedAt: number = Number.NEGATIVE_INFINITY;
  /** The sum of the moments at which the attempts on their way began. */
  #begunSum = 0;
  #reported: ReportedLoad | undefined;

  constructor(means: LoadMeans) {
    this.means = means;
  }

  // Attempts are given whole, and not by the moment at which they began: a fraction that is handed on may be allocated.

  begin(attempt: Begun): void {
    this.#begunSum += attempt.startedAt;
    this.#reported?.begun();
  }

  /** That attempt is over; `running` others are not. */
  end(attempt: Begun, running: number): void {
    // What rounding left behind must not stay.
    this.#begunSum = running === 0 ? 0 : this.#begunSum - attempt.startedAt;
  }

  /** An attempt was answered well. */
  answered(attempt: Begun, now: number): void {
    const ms = now - attempt.startedAt;
    const { latencyMs } = this.means;
    const before = this.latencyMs;
    if (Number.isNaN(before)) {
      this.latencyMs = ms;
      latencyMs.join(ms);
    } else {
      this.latencyMs = before + SERVICE_WEIGHT * (ms - before);
      latencyMs.sum += this.latencyMs - before;
      latencyMs.value = latencyMs.sum / latencyMs.count;
    }
    if (this.#reported?.fresh(now) !== true) {
      this.#sampleMs = ms;
      this.#served(now);
    }
    if (this.#failing === 0) return;
    this.#fade(now);
    this.#failing *= 1 - FAILURE_WEIGHT;
    if (this.#failing < FORGIVEN) this.#failing = 0;
  }

  failed(now: number): void {
    this.#fade(now);
    this.#failing += FAILURE_WEIGHT * (1 - this.#failing);
  }

  reported(report: LoadReport, now: number): void {
    this.#reported ??= new ReportedLoad();
    this.#reported.heard(report, now, this.means);
    this.#sampleMs = report.serviceMs;
    this.#served(now);
  }

  /** The node left the set: it no longer counts in what is usual there. */
  leave(): void {
    if (!Number.isNaN(this.latencyMs)) this.means.latencyMs.leave(this.latencyMs);
    if (!Number.isNaN(this.#serviceMs)) this.means.serviceMs.leave(this.#serviceMs);
    this.#reported?.leave(this.means);
  }

  /**
   * Tells how the node is, with `running` attempts of this process on their way to it.
   *
   * Where no node reports, its requests in flight are those attempts. Where others do, one that does not is taken to have the mean of them besides, so that its
   * silence does not attract what they get. With attempts on their way for much longer than usual, how long it takes is their mean age, if that is more: a node
   * that is stuck is noticed before it answers.
   */
  read(into: LoadReading, running: number, now: number): void {
    const { latencyMs, rif, serviceMs } = this.means;
    const mean = serviceMs.value;
    const known = this.#serviceMs;
    let ms = mean;
    if (!Number.isNaN(known))
      ms += (known - mean) * (LEFT[Math.max(0, Math.min(LAST, (now - this.#servedAt) * FORGETTING)) | 0] ?? 0);
    if (running > 0) {
      const age = now - this.#begunSum / running;
      if (age > ms && age > STUCK * latencyMs.value) ms = age;
    }
    into.serviceMs = ms;
    if (this.#reported !== undefined) this.#reported.read(into, running, now, this.means);
    else into.rif = rif.count === 0 ? running : running + rif.value;
    into.failing = this.#failing;
    if (into.failing > 0)
      into.failing *= LEFT[Math.max(0, Math.min(LAST, (now - this.#failedAt) * FORGIVING)) | 0] ?? 0;
  }

  #fade(now: number): void {
    if (this.#failing > 0)
      this.#failing *= LEFT[Math.max(0, Math.min(LAST, (now - this.#failedAt) * FORGIVING)) | 0] ?? 0;
    this.#failedAt = now;
  }

  #served(now: number): void {
    const ms = this.#sampleMs;
    const { serviceMs } = this.means;
    const before = this.#serviceMs;
    if (Number.isNaN(before)) {
      this.#serviceMs = ms;
      serviceMs.join(ms);
    } else {
      const mean = serviceMs.value;
      const left = LEFT[Math.max(0, Math.min(LAST, (now - this.#servedAt) * FORGETTING)) | 0] ?? 0;
      const usual = mean + (before - mean) * left;
      this.#serviceMs = usual + SERVICE_WEIGHT * (ms - usual);
      serviceMs.sum += this.#serviceMs - before;
      serviceMs.value = serviceMs.sum / serviceMs.count;
    }
    this.#servedAt = now;
  }
}
