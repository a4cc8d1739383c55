import { jittered, type Random } from '../core/random.ts';
import type { ResolvedHealth } from './health-options.ts';

const JITTER = 0.2;
/** In use for so long after it came back, an endpoint is forgiven one doubling of its rest. */
const FORGIVEN_MS = 10_000;

/** Why an endpoint rests. That nobody could be reached there is a fact, the others are a judgement. */
export type Cause = 'unreachable' | 'failures' | 'rate';

/**
 * The time for which an endpoint is left alone after it failed, and the attempt that then probes it. The next rest begins with the probe: while
 * it lasts no second one is sent, and a probe that never ends is not waited for longer than that.
 */
export class Rest {
  readonly #options: ResolvedHealth;
  readonly #random: Random;
  /** `undefined` while it does not rest. */
  cause: Cause | undefined;
  #until = 0;
  /** How often it is doubled; outlives the rest itself. */
  #doublings = 0;
  #probe: object | undefined;

  constructor(options: ResolvedHealth, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** How long it is over; negative while it lasts. */
  overdueMs(now: number): number {
    return now - this.#until;
  }

  over(now: number): boolean {
    return now >= this.#until;
  }

  /** Whether it has been over for longer than that. */
  overdue(ms: number, now: number): boolean {
    return now - this.#until > ms;
  }

  /** `inUseMs`: how long the endpoint was in use since it came back last. */
  start(now: number, cause: Cause, inUseMs: number): void {
    if (this.#doublings > 0) {
      const { restMs, maxRestMs } = this.#options;
      const most = Math.ceil(Math.log2(maxRestMs / restMs));
      this.#doublings = Math.max(0, Math.min(this.#doublings, most) - Math.floor(inUseMs / FORGIVEN_MS));
    }
    this.cause = cause;
    this.#begin(now);
  }

  end(): void {
    this.cause = undefined;
    this.#probe = undefined;
  }

  /** An attempt is on its way; if the rest is over it is the probe. */
  sent(now: number, attempt: object): void {
    if (this.cause === undefined || now < this.#until) return;
    this.#probe = attempt;
    this.#doublings++;
    this.#begin(now);
  }

  isProbe(attempt: object): boolean {
    return attempt === this.#probe;
  }

  /** The probe failed: the rest that began with it goes on. */
  failed(attempt: object): void {
    if (attempt === this.#probe) this.#probe = undefined;
  }

  /**
   * An attempt ended that says nothing; if it was the probe, another may be, after a rest that is not doubled. Not at once: where every probe is given
   * up, by impatient callers or for a hedge that was faster, it would be one call after the other.
   */
  ignored(now: number, attempt: object): void {
    if (attempt !== this.#probe) return;
    this.#probe = undefined;
    this.#doublings--;
    this.#until = Math.min(this.#until, now + jittered(this.#random, this.#options.restMs, JITTER));
  }

  /** Ends early, but for the probe. */
  hurry(now: number): void {
    if (this.#probe === undefined && now < this.#until) this.#until = now;
  }

  #begin(now: number): void {
    const { restMs, maxRestMs } = this.#options;
    // The longest rests are spread too: what went down together must not be probed together.
    const rest = Math.min(restMs * 2 ** this.#doublings, maxRestMs / (1 + JITTER));
    this.#until = now + jittered(this.#random, rest, JITTER);
  }
}
