import { decay } from '../core/decay.ts';
import type { LoadMeans } from './load-means.ts';

/** How soon a node of which nothing is heard is taken to be like the others. */
const FORGET_MS = 5_000;
/** What one report weighs in a node's slow average. */
const WEIGHT = 0.1;
/** A report holds for about as long as what it counted: so many times the mean latency. */
const HOLDS = 2;
/** Past this age a report says nothing of how fast the node is. */
const FRESH_MS = 10_000;

/** What a node reported of its requests in flight, as far as it still holds. Times are monotonic milliseconds. */
export class ReportedLoad {
  #rif: number;
  /** The slow average. */
  #usual: number;
  #at: number;
  /** Own attempts begun since the last report, which it cannot know of. */
  #sent = 0;

  constructor(rif: number, now: number, means: LoadMeans) {
    this.#rif = rif;
    // One report is one sample: a node that was idle just then is not idle as a rule.
    this.#usual = means.rif.count === 0 ? rif : means.rif.value + WEIGHT * (rif - means.rif.value);
    this.#at = now;
    means.rif.join(this.#usual);
  }

  heard(rif: number, now: number, means: LoadMeans): void {
    const before = this.#usual;
    const usual = this.#usually(now, means);
    this.#usual = usual + WEIGHT * (rif - usual);
    this.#rif = rif;
    this.#at = now;
    this.#sent = 0;
    means.rif.move(before, this.#usual);
  }

  begun(): void {
    this.#sent++;
  }

  leave(means: LoadMeans): void {
    means.rif.leave(this.#usual);
  }

  fresh(now: number): boolean {
    return now - this.#at < FRESH_MS;
  }

  /**
   * Requests in flight at the node by now: the last report, fading into the slow average, which fades into the mean of all; and own attempts sent
   * since. `running` own ones are certain.
   */
  rif(now: number, running: number, means: LoadMeans): number {
    const usual = this.#usually(now, means);
    const holds = decay((now - this.#at) / (HOLDS * means.latencyMs.value));
    // Of those sent since, the ones that ended without a report are no longer there.
    const estimate = usual + (this.#rif - usual) * holds + Math.min(this.#sent, running);
    return Math.max(running, estimate);
  }

  #usually(now: number, means: LoadMeans): number {
    const mean = means.rif.value;
    return mean + (this.#usual - mean) * decay((now - this.#at) / FORGET_MS);
  }
}
