import type { Random } from '../core/random.ts';
import type { ResolvedBreaker } from './options.ts';

/** A rest is up to so much shorter, by chance, so that all processes that saw a service fail do not probe it together. */
const JITTER = 0.4;
/** The longest rest, measured by how long the outage has lasted. */
const SHARE = 0.25;

/**
 * How long a breaker waits before a call probes: `restMs` at first, then a quarter of what the outage has lasted, at most `maxRestMs`. So the end of an
 * outage is noticed after a quarter as long again as it lasted, or `restMs`; a rest that doubles would notice that of ten seconds after twenty.
 */
export class ProbeRest {
  readonly #options: ResolvedBreaker;
  readonly #random: Random;
  #outageAt = Number.NaN;
  /** When the present rest ends. */
  until = Number.NEGATIVE_INFINITY;

  constructor(options: ResolvedBreaker, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  /** The rest before the first probe of an outage that is yet to come. */
  firstMs(): number {
    this.#outageAt = Number.NaN;
    return this.#jittered(this.#options.restMs);
  }

  /** The rest that follows a probe which is sent now, and fails. */
  nextMs(now: number): number {
    const { restMs, maxRestMs } = this.#options;
    return this.#jittered(Math.min(maxRestMs, Math.max(restMs, SHARE * (now - this.#outageAt))));
  }

  begin(now: number, restMs: number): void {
    if (Number.isNaN(this.#outageAt)) this.#outageAt = now;
    this.until = now + restMs;
  }

  #jittered(restMs: number): number {
    return Math.round(restMs * (1 - JITTER * this.#random()));
  }
}
