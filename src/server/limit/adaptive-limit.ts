import type { Random } from '../../core/random.ts';
import { type Algorithm, algorithmOf } from './algorithms.ts';
import { IdleLatency } from './idle-latency.ts';
import type { ResolvedLimit } from './limit-options.ts';

/** A stretch of time is judged once it has lasted so long, and so many requests ended in it. */
const STRETCH_MS = 100;
const STRETCH_SAMPLES = 10;
/** So little of the limit in flight is idle. */
const FEW = 0.25;

/**
 * How many requests may be in flight, found from how long they take (Netflix's concurrency-limits). No timer; allocates once in a stretch.
 *
 * What requests take when it is idle is learned from those that came while little was in flight. Netflix takes the mean of all instead: in an overload
 * that lasts, that of the overload becomes normal, and the limit grows without end.
 */
export class AdaptiveLimit {
  readonly #options: ResolvedLimit;
  readonly #algorithm: Algorithm;
  readonly #idle: IdleLatency;
  #limit: number;
  #since: number;
  #samples = 0;
  #sumMs = 0;
  #mostInFlight = 0;
  #late = false;

  constructor(options: ResolvedLimit, random: Random, now: number) {
    this.#options = options;
    this.#algorithm = algorithmOf(options);
    this.#idle = new IdleLatency(random, now);
    this.#limit = options.initial;
    this.#since = now;
  }

  /** The limit that was found; it is told, and may be a fraction. */
  get value(): number {
    return this.#limit;
  }

  /**
   * Whether one more may come in to those `inFlight`, of which it may use a `share`. When more come than may, now and then fewer are let in for a
   * moment, to find out what requests take when it is idle; whoever may use all of it does not pay for that.
   */
  room(inFlight: number, share: number, now: number): boolean {
    const most = this.#idle.asking(now) && share < 1 ? this.#limit * FEW : this.#limit;
    if (inFlight < Math.max(1, Math.floor(most * share))) return true;
    this.#idle.pressed(now);
    return false;
  }

  /**
   * Takes in that a request took `ms`, which came when `inFlight` were there, itself included. One that is `late` took longer than anybody
   * waits.
   */
  took(ms: number, inFlight: number, late: boolean, now: number): void {
    const few = Math.max(1, Math.floor(this.#limit * FEW));
    if (!late && inFlight <= few) this.#idle.took(ms, few, now);
    this.#samples++;
    this.#sumMs += ms;
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight);
    this.#late ||= late || ms > this.#options.slowMs;
    if (this.#samples >= STRETCH_SAMPLES && now - this.#since >= STRETCH_MS) this.#judge(now);
  }

  /** Takes in that a request was given up after `ms`: it would have taken longer. One that was soon given up says nothing. */
  gaveUp(ms: number, inFlight: number, now: number): void {
    if (this.#idle.far(ms)) this.took(ms, inFlight, true, now);
  }

  #judge(now: number): void {
    const { min, max } = this.#options;
    const meanMs = this.#sumMs / this.#samples;
    const used = this.#mostInFlight >= this.#limit / 2;
    const stretch = { meanMs, idleMs: this.#idle.meanMs, late: this.#late, used };
    this.#limit = Math.min(max, Math.max(min, this.#algorithm(this.#limit, stretch)));
    this.#idle.seen(meanMs);
    this.#since = now;
    this.#samples = 0;
    this.#sumMs = 0;
    this.#mostInFlight = 0;
    this.#late = false;
  }
}
