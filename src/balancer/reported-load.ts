import { LAST, LEFT, STEPS } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';
import type { LoadReading } from './load-reading.ts';
import type { LoadReport } from './load-report.ts';

/** The steps per millisecond in which a node of which nothing is heard becomes like the others: 5 s. */
const FORGETTING = STEPS / 5_000;
/** What has faded for so long, half a second, is put down as it has become: it is part of the mean that it fades into. */
const FADED = STEPS / 10;
/** After so long without a report a node is as one that never reported. */
const FORGOTTEN_MS = 40_000;
/** What one report weighs in a node's slow average. */
const WEIGHT = 0.1;
/** A report holds for about as long as what it counted: so many times the mean latency. */
const HOLDS = 2;
/** Past this age a report says nothing of how fast the node is. */
const FRESH_MS = 10_000;

/** What a node reported of its requests in flight, as far as it still holds. Times are monotonic milliseconds. */
export class ReportedLoad {
  // Numbers from the beginning: a field that was once undefined allocates each that it is given.
  #rif: number = Number.NaN;
  /** The slow average. */
  #usual: number = Number.NaN;
  #usualAt: number = Number.NEGATIVE_INFINITY;
  #at: number = Number.NEGATIVE_INFINITY;
  /** Own attempts begun since the last report, which it cannot know of. */
  #sent = 0;

  heard({ rif }: LoadReport, now: number, means: LoadMeans): void {
    const before = this.#usual;
    if (Number.isNaN(before)) {
      this.#usual = rif;
      means.rif.join(rif);
    } else {
      const mean = means.rif.value;
      const left = LEFT[Math.max(0, Math.min(LAST, (now - this.#usualAt) * FORGETTING)) | 0] ?? 0;
      const usual = mean + (before - mean) * left;
      this.#usual = usual + WEIGHT * (rif - usual);
      means.rif.sum += this.#usual - before;
      means.rif.value = means.rif.sum / means.rif.count;
    }
    this.#rif = rif;
    this.#usualAt = now;
    this.#at = now;
    this.#sent = 0;
  }

  begun(): void {
    this.#sent++;
  }

  leave(means: LoadMeans): void {
    if (Number.isNaN(this.#usual)) return;
    means.rif.leave(this.#usual);
    this.#usual = Number.NaN;
  }

  fresh(now: number): boolean {
    return now - this.#at < FRESH_MS;
  }

  /**
   * Requests in flight at the node by now: the last report, fading into the slow average, which fades into the mean of all, as far as it should have its part of it; and own attempts sent
   * since, times the callers that there seem to be: who sees the same idle node as this process sends to it as well (C3's compensation; Suresh et al., 2015).
   * `running` own ones are certain.
   */
  read(into: LoadReading, running: number, now: number, means: LoadMeans): void {
    const { latencyMs, rif, running: all } = means;
    const age = now - this.#at;
    if (age > FORGOTTEN_MS) this.leave(means);
    const mean = into.portion * rif.value;
    if (Number.isNaN(this.#usual)) {
      into.rif = rif.count === 0 ? running : running + mean;
      return;
    }
    const steps = (now - this.#usualAt) * FORGETTING;
    const usual = mean + (this.#usual - mean) * (LEFT[Math.max(0, Math.min(LAST, steps)) | 0] ?? 0);
    if (steps > FADED) {
      rif.sum += usual - this.#usual;
      rif.value = rif.sum / rif.count;
      this.#usual = usual;
      this.#usualAt = now;
    }
    // Where no latency is known yet, the report holds.
    const tau = HOLDS * latencyMs.value;
    const holds = LEFT[Math.max(0, Math.min(LAST, (age * STEPS) / tau)) | 0] ?? 0;
    // Of those sent since, the ones that ended without a report are no longer there.
    const since = Math.min(this.#sent, running) * Math.max(1, rif.sum / Math.max(1, all));
    into.rif = Math.max(running, usual + (this.#rif - usual) * holds + since);
  }
}
