import { decay } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import type { LoadReport } from './load-report.ts';
import { ReportedLoad } from './reported-load.ts';

/** What one answer weighs in the time that a node takes, and how soon a node of which nothing is heard is taken to be like the others. */
const SERVICE_WEIGHT = 0.3;
const FORGET_MS = 5_000;
/** What one outcome weighs in the share of failures, and how soon those are forgiven. */
const FAILURE_WEIGHT = 0.2;
const FORGIVE_MS = 2_000;
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
      latencyMs.move(before, this.latencyMs);
    }
    if (this.#reported?.fresh(now) !== true) {
      this.#sampleMs = ms;
      this.#served(now);
    }
    if (this.#failing === 0) return;
    this.#failing = this.failing(now) * (1 - FAILURE_WEIGHT);
    this.#failedAt = now;
    if (this.#failing < FORGIVEN) this.#failing = 0;
  }

  failed(now: number): void {
    this.#failing = FAILURE_WEIGHT + (1 - FAILURE_WEIGHT) * this.failing(now);
    this.#failedAt = now;
  }

  reported({ rif, serviceMs }: LoadReport, now: number): void {
    if (this.#reported === undefined) this.#reported = new ReportedLoad(rif, now, this.means);
    else this.#reported.heard(rif, now, this.means);
    this.#sampleMs = serviceMs;
    this.#served(now);
  }

  /** The node left the set: it no longer counts in what is usual there. */
  leave(): void {
    if (!Number.isNaN(this.latencyMs)) this.means.latencyMs.leave(this.latencyMs);
    if (!Number.isNaN(this.#serviceMs)) this.means.serviceMs.leave(this.#serviceMs);
    this.#reported?.leave(this.means);
  }

  /**
   * Requests in flight at the node. Where no node reports these are the `running` attempts of this process; where others do, one that does not
   * is taken to have the mean of them besides, so that its silence does not attract what the others get.
   */
  rif(now: number, running: number): number {
    if (this.#reported !== undefined) return this.#reported.rif(now, running, this.means);
    const { rif } = this.means;
    return rif.count === 0 ? running : running + rif.value;
  }

  /**
   * How long the node takes for a request; NaN while no node has answered. With attempts on their way for much longer than usual it is their
   * mean age, if that is more: a node that is stuck is noticed before it answers.
   */
  serviceMs(now: number, running: number): number {
    const { latencyMs } = this.means;
    const usual = this.#usually(now);
    if (running === 0) return usual;
    const age = now - this.#begunSum / running;
    return age > usual && age > STUCK * latencyMs.value ? age : usual;
  }

  /** The share of attempts that failed of late, 0 to 1. */
  failing(now: number): number {
    return this.#failing === 0 ? 0 : this.#failing * decay((now - this.#failedAt) / FORGIVE_MS);
  }

  #usually(now: number): number {
    const mean = this.means.serviceMs.value;
    return Number.isNaN(this.#serviceMs)
      ? mean
      : mean + (this.#serviceMs - mean) * decay((now - this.#servedAt) / FORGET_MS);
  }

  #served(now: number): void {
    const ms = this.#sampleMs;
    const { serviceMs } = this.means;
    const before = this.#serviceMs;
    if (Number.isNaN(before)) {
      this.#serviceMs = ms;
      serviceMs.join(ms);
    } else {
      const usual = this.#usually(now);
      this.#serviceMs = usual + SERVICE_WEIGHT * (ms - usual);
      serviceMs.move(before, this.#serviceMs);
    }
    this.#servedAt = now;
  }
}
