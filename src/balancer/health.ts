import { jittered, type Random } from '../core/random.ts';
import { SlidingWindow } from '../core/sliding-window.ts';
import type { ResolvedHealth } from './health-options.ts';
import { type Peers, WINDOW_MS } from './peers.ts';

const REST_JITTER = 0.2;
/** In use for so long after it came back, an endpoint is forgiven one doubling of its rest. */
const FORGIVEN_MS = 10_000;
/** The share that an endpoint starts with when it comes back: enough to learn from, little enough not to hurt. */
const FIRST_SHARE = 0.1;

/** `up`: used. `busy`: rested enough, one request may try it. `down`: resting, being tried, or failing its checks. */
export type Fitness = 'up' | 'busy' | 'down';

/** What checks find. */
export type Found = 'well' | 'failing' | 'unreachable';

/** Why it rests. That nobody could be reached there is a fact, the others are a judgement. */
type Cause = 'unreachable' | 'failures' | 'rate';

/** What it is compared with, and may be done without. */
type Others = Pick<Peers, 'spare' | 'worse'>;

/**
 * Whether one endpoint is well, judged by the outcomes of its own traffic; it has no timer and looks at the clock when asked.
 *
 *     up ──5 failures in a row, or a low success rate──▶ down ─rest is over──▶ busy ──picked──▶ down (probing)
 *      ▲                                                   ▲                                         │
 *      └──────────────── the probe succeeded ──────────────┼─────────────────────────────────────────┤
 *                                                          └── it failed, or is not back in time ────┘
 *
 * The next rest begins with the probe: while it lasts, no second one is sent, and a probe that never ends is not waited for longer than that.
 * Beside its traffic, checks may judge it (`checked`); one that either finds unwell is out.
 */
export class Health {
  readonly #options: ResolvedHealth;
  readonly #random: Random;
  /** Successes and failures. Made at the first outcome: of many endpoints most are never called. */
  #window: SlidingWindow | undefined;
  /** Slow successes. Made at the first. */
  #slow: SlidingWindow | undefined;
  #streak = 0;
  /** How often the rest is doubled. */
  #doublings = 0;
  /** Why it rests; `undefined` while it does not. */
  #cause: Cause | undefined;
  #restUntil = 0;
  /** The attempt that is trying it now. */
  #probe: object | undefined;
  /** What its checks found. */
  #unwell: Exclude<Found, 'well'> | undefined;
  #rampFrom: number;
  /** Why it was taken out, or came back, last; in words. */
  reason = '';

  /** `rampFrom` is when its slow start begins; `-Infinity` for one that needs none. */
  constructor(options: ResolvedHealth, random: Random, rampFrom: number) {
    this.#options = options;
    this.#random = random;
    this.#rampFrom = rampFrom;
  }

  fitness(now: number): Fitness {
    if (this.#unwell !== undefined) return 'down';
    if (this.#cause === undefined) return 'up';
    return now >= this.#restUntil ? 'busy' : 'down';
  }

  /** Whether it is out of use, if only until its probe. */
  get out(): boolean {
    return this.#cause !== undefined || this.#unwell !== undefined;
  }

  /** Whether it is out because nobody could be reached there: that is a fact, where its other failures are a judgement. */
  get unreachable(): boolean {
    return this.#cause === 'unreachable' || this.#unwell === 'unreachable';
  }

  /** Whether nothing speaks against it but its success rate. */
  get outByRate(): boolean {
    return this.#cause === 'rate' && this.#unwell === undefined;
  }

  /** How long its present rest is over; negative while it lasts. */
  overdueMs(now: number): number {
    return now - this.#restUntil;
  }

  /** The share of its weight that it should get, above 0 and at most 1. */
  share(now: number): number {
    const age = now - this.#rampFrom;
    if (age >= this.#options.slowStartMs) return 1;
    return FIRST_SHARE + (1 - FIRST_SHARE) * (age / this.#options.slowStartMs);
  }

  /** An attempt is on its way to it; one that is due is then being probed. */
  begin(now: number, attempt: object): void {
    if (this.#cause === undefined || this.fitness(now) !== 'busy') return;
    this.#probe = attempt;
    this.#doublings++;
    this.#rest(now);
  }

  /** An attempt ended that says nothing about it; if it was the probe, another may be. */
  ignore(now: number, attempt: object): void {
    if (attempt !== this.#probe) return;
    this.#probe = undefined;
    this.#doublings--;
    this.#restUntil = now;
  }

  succeed(now: number, attempt: object): void {
    this.#streak = 0;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, 1, 0);
    // The success of an attempt sent before the rest began says nothing about now; only the probe does.
    if (attempt === this.#probe) this.comeBack(now, 'its probe succeeded');
  }

  /** A success, but a slow one: after `succeed`. */
  drag(now: number, others: Others): void {
    this.#slow ??= new SlidingWindow(WINDOW_MS, now);
    this.#slow.add(now, 1, 0);
    if (this.#cause === undefined) this.#judge(now, others);
  }

  /** `unreachable` counts as a whole streak: a refused connection will not mend by trying. */
  fail(now: number, attempt: object, unreachable: boolean, others: Others): void {
    this.#streak++;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, 0, 1);
    if (this.#cause !== undefined) {
      if (unreachable) this.#cause = 'unreachable';
      else if (this.#cause === 'unreachable') this.#cause = 'failures';
      if (attempt === this.#probe) this.#probe = undefined;
    } else if (unreachable) {
      this.#takeOut(now, 'unreachable', 'cannot be reached');
    } else if (this.#streak >= this.#options.failures) {
      this.#takeOut(now, 'failures', `${this.#streak} failures in a row`);
    } else {
      this.#judge(now, others);
    }
  }

  /** Takes it back into use, with care. */
  comeBack(now: number, reason: string): void {
    this.#cause = undefined;
    this.#probe = undefined;
    this.#streak = 0;
    this.#window?.clear();
    this.#slow?.clear();
    this.#rampFrom = now;
    if (this.#unwell === undefined) this.reason = reason;
  }

  /**
   * What its checks found. One that they took out comes back through them alone. One that rests because it could not be reached is probed by
   * the next call when it passes; passing says nothing against other failures, since one may pass its checks and still fail its calls.
   */
  checked(now: number, found: Found, reason: string): void {
    const was = this.#unwell;
    this.#unwell = found === 'well' ? undefined : found;
    if (found !== 'well' || this.#cause === undefined) this.reason = reason;
    if (found !== 'well') return;
    if (this.#cause === undefined && was !== undefined) this.#rampFrom = now;
    const idle = this.#probe === undefined && now < this.#restUntil;
    if (this.#cause === 'unreachable' && idle) this.#restUntil = now;
  }

  #judge(now: number, others: Others): void {
    const { minimum, outlierRatio, successRatio } = this.#options;
    const { first: good, second: bad } = this.#window ?? NOTHING;
    const total = good + bad;
    if (total < minimum) return;
    if (good < successRatio * total) {
      if (others.spare) this.#takeOut(now, 'rate', `${Math.round((100 * good) / total)} % of ${total} succeeded`);
      return;
    }
    this.#slow?.turn(now);
    const slow = this.#slow?.first ?? 0;
    if (good - slow >= outlierRatio * total || !others.worse(bad + slow, total) || !others.spare) return;
    const also = slow > 0 ? ` and ${slow} were slow` : '';
    this.#takeOut(now, 'rate', `far worse than its peers: ${bad} of ${total} failed${also}`);
  }

  #takeOut(now: number, cause: Cause, reason: string): void {
    if (this.#doublings > 0) {
      const { restMs, maxRestMs } = this.#options;
      const most = Math.ceil(Math.log2(maxRestMs / restMs));
      const forgiven = Math.floor((now - this.#rampFrom) / FORGIVEN_MS);
      this.#doublings = Math.max(0, Math.min(this.#doublings, most) - forgiven);
    }
    this.#cause = cause;
    if (this.#unwell === undefined) this.reason = reason;
    this.#rest(now);
  }

  #rest(now: number): void {
    const { restMs, maxRestMs } = this.#options;
    // The longest rests are spread too: what went down together must not be probed together.
    const rest = Math.min(restMs * 2 ** this.#doublings, maxRestMs / (1 + REST_JITTER));
    this.#restUntil = now + jittered(this.#random, rest, REST_JITTER);
  }
}

const NOTHING = { first: 0, second: 0 };
