import type { Random } from '../../core/random.ts';

/** So many requests make a mean that is believed, and so many times as many as there are at a time: those that end first are the short ones. */
const BATCH = 32;
const BATCH_TIMES = 8;
/** What a mean weighs beside those before it. */
const WEIGHT = 0.3;
/** One that is off by more than this factor tells of another time, and takes their place. */
const ANOTHER = 1.5;
/** Without news for so long it is asked for; less often where requests take long, so that it costs less than a hundredth of the work. */
const ASK_MS = 30_000;
const ASK_TIMES = 1_000;
/** How long it may take to tell, in times of what one request takes. */
const ASKED_TIMES = 16;
/** A process that starts among many requests asks soon; one that became much slower than idle after a while. */
const FIRST_MS = 1_000;
const SOON_MS = 5_000;
const FAR = 3;
/** And much slower than when it asked last: where there are few workers the limit itself holds so many that they take long. */
const SLOWER = 2;

/**
 * What requests take when few others are in flight. Where that happens by itself it costs nothing. In an overload that lasts it does not: then
 * less is let in every half minute, until enough requests have told.
 */
export class IdleLatency {
  readonly #random: Random;
  #meanMs = Number.NaN;
  #count = 0;
  #sumMs = 0;
  #heardAt: number;
  #askAt: number;
  #askedUntil = Number.NEGATIVE_INFINITY;
  /** What all requests took lately. */
  #seenMs = 0;
  /** The same, when it asked last. */
  #usualMs = 0;

  constructor(random: Random, now: number) {
    this.#random = random;
    this.#heardAt = now;
    this.#askAt = now + FIRST_MS;
  }

  /** Mean in milliseconds; NaN until enough is known. */
  get meanMs(): number {
    return this.#meanMs;
  }

  /** Whether less is to be let in at this moment. */
  asking(now: number): boolean {
    return now < this.#askedUntil;
  }

  /** Says that more came than was let in: only then may it ask, since it costs those that would be refused anyway. */
  pressed(now: number): void {
    if (now < this.#askAt) return;
    this.#usualMs = this.#seenMs;
    // So long that those in flight can end and others follow; if that tells too little, the next try is not soon.
    // While it is not known, or was another, what they take under load says how slow they are: asked for a second, ones of a fifth of it never tell.
    const oneMs = Math.max(this.#meanMs || 0, this.#seenMs);
    this.#askedUntil = now + Math.max(FIRST_MS, ASKED_TIMES * oneMs);
    this.#count = 0;
    this.#sumMs = 0;
    this.#heard(now);
  }

  /** Takes in what a request took that came while at most `few` were in flight. */
  took(ms: number, few: number, now: number): void {
    this.#count++;
    this.#sumMs += ms;
    if (this.#count < Math.max(BATCH, BATCH_TIMES * few)) return;
    const mean = this.#sumMs / this.#count;
    const near = mean <= ANOTHER * this.#meanMs && mean * ANOTHER >= this.#meanMs;
    this.#meanMs = near ? this.#meanMs + WEIGHT * (mean - this.#meanMs) : mean;
    this.#count = 0;
    this.#sumMs = 0;
    this.#askedUntil = Number.NEGATIVE_INFINITY;
    this.#heard(now);
  }

  /** Takes in what all requests took lately. */
  seen(meanMs: number): void {
    this.#seenMs = meanMs;
    if (this.far(meanMs) && meanMs > SLOWER * this.#usualMs)
      this.#askAt = Math.min(this.#askAt, this.#heardAt + SOON_MS);
  }

  /** Whether `ms` is much longer than when it is idle; so is all while that is not known. */
  far(ms: number): boolean {
    return !(ms <= FAR * this.#meanMs);
  }

  #heard(now: number): void {
    this.#heardAt = now;
    // Jittered, so that the instances of a service do not ask at once.
    this.#askAt = now + Math.max(ASK_MS, ASK_TIMES * (this.#meanMs || 0)) * (0.8 + 0.4 * this.#random());
  }
}
