import type { Random } from '../core/random.ts';
import { SlidingWindow } from '../core/sliding-window.ts';
import type { ResolvedHealth } from './health-options.ts';
import { type Peers, WINDOW_MS } from './peers.ts';
import { type Cause, Rest } from './rest.ts';

/** The share that an endpoint starts with when it comes back: enough to learn from, little enough not to hurt. */
const FIRST_SHARE = 0.1;
/** As how many failures in a row one counts that took long: what hangs gets few calls, since a picker looks at what is on its way, and each of them costs its caller all of its time. */
const LONG = 3;

/** `up`: used. `busy`: rested enough, one request may try it. `down`: resting, being tried, or failing its checks. */
export type Fitness = 'up' | 'busy' | 'down';

/** What checks find. */
export type Found = 'well' | 'failing' | 'unreachable';

/** Where a share is put. */
export interface Weighed {
  portion: number;
}

interface Begun {
  readonly startedAt: number;
}

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
 * Beside its traffic, checks may judge it (`checked`); one that either finds unwell is out.
 */
export class Health {
  readonly #options: ResolvedHealth;
  readonly #random: Random;
  // What follows is made when first needed: of many endpoints most are never called, and most of the others never fail.
  /** Successes and failures. */
  #window: SlidingWindow | undefined;
  /** Slow successes. */
  #slow: SlidingWindow | undefined;
  #rest: Rest | undefined;
  /** Failures since the last success, and how many of them took long. */
  #streak = 0;
  #long = 0;
  /** What its checks found. */
  #unwell: Exclude<Found, 'well'> | undefined;
  #rampFrom: number;
  // Two, because one that passes its checks again may still be out for what its calls found.
  #reason = '';
  #reasonOfChecks = '';

  /** `rampFrom` is when its slow start begins; `-Infinity` for one that needs none. */
  constructor(options: ResolvedHealth, random: Random, rampFrom: number) {
    this.#options = options;
    this.#random = random;
    this.#rampFrom = rampFrom;
  }

  /** Why it is out, or came back last; in words. */
  get reason(): string {
    return this.#unwell === undefined ? this.#reason : this.#reasonOfChecks;
  }

  fitness(now: number): Fitness {
    if (this.#unwell !== undefined) return 'down';
    if (this.#cause === undefined) return 'up';
    return this.#rest?.over(now) === false ? 'down' : 'busy';
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
    return this.#rest?.overdueMs(now) ?? 0;
  }

  // A pick asks with the following: a fraction that a function returns may be allocated.

  /** Whether its present rest has been over for longer than that. */
  overdue(ms: number, now: number): boolean {
    return this.#rest?.overdue(ms, now) === true;
  }

  /** Whether it should get all of its weight. */
  full(now: number): boolean {
    return now - this.#rampFrom >= this.#options.slowStartMs;
  }

  /** Puts the share of its weight that it should get where it is asked for: above 0 and at most 1. */
  weigh(into: Weighed, now: number): void {
    const { slowStartMs } = this.#options;
    const age = now - this.#rampFrom;
    into.portion = age >= slowStartMs ? 1 : FIRST_SHARE + (1 - FIRST_SHARE) * (age / slowStartMs);
  }

  /** An attempt is on its way to it; one that is due is then being probed. */
  begin(now: number, attempt: object): void {
    if (this.#rest !== undefined && this.#unwell === undefined) this.#rest.sent(now, attempt);
  }

  /** An attempt ended that says nothing about it; if it was the probe, another may be. */
  ignore(now: number, attempt: object): void {
    this.#rest?.ignored(now, attempt);
  }

  succeed(now: number, attempt: object): void {
    this.succeeded(1, now);
    // The success of an attempt sent before the rest began says nothing about now; only the probe does.
    if (this.#rest?.isProbe(attempt) === true) this.comeBack(now, 'its probe succeeded');
  }

  /** So many successes at one moment, none of them of a probe. */
  succeeded(count: number, now: number): void {
    this.#streak = 0;
    this.#long = 0;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, count, 0);
  }

  /** A success, but a slow one: after `succeed`. */
  drag(now: number, others: Others): void {
    this.#slow ??= new SlidingWindow(WINDOW_MS, now);
    this.#slow.add(now, 1, 0);
    if (this.#cause === undefined) this.#judge(now, others);
  }

  /** `unreachable` counts as a whole streak: a refused connection will not mend by trying; and one that took so `long` that it hangs as `LONG` failures. */
  fail(now: number, attempt: Begun, unreachable: boolean, others: Others, long = false): void {
    // Sent before it came back: the end of a time that is over, as when all that waited for one that hung run into their limits.
    if (attempt.startedAt < this.#rampFrom) return;
    this.#streak++;
    if (long) this.#long++;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, 0, 1);
    const rest = this.#rest;
    if (rest?.cause !== undefined) {
      if (unreachable) rest.cause = 'unreachable';
      else if (rest.cause === 'unreachable') rest.cause = 'failures';
      rest.failed(attempt);
    } else if (unreachable) {
      this.#takeOut(now, 'unreachable', 'cannot be reached');
    } else if (this.#streak + this.#long * (LONG - 1) >= this.#options.failures) {
      const waits = this.#long > 0 ? `, ${this.#long} of them after a long wait` : '';
      this.#takeOut(now, 'failures', `${this.#streak} failures in a row${waits}`);
    } else {
      this.#judge(now, others);
    }
  }

  /** Takes it back into use, with care. */
  comeBack(now: number, reason: string): void {
    this.#rest?.end();
    this.#streak = 0;
    this.#long = 0;
    this.#window?.clear();
    this.#slow?.clear();
    this.#rampFrom = now;
    this.#reason = reason;
  }

  /**
   * What its checks found. One that they took out comes back through them alone. One that rests because it could not be reached is probed by
   * the next call when it passes; passing says nothing against other failures, since one may pass its checks and still fail its calls.
   */
  checked(now: number, found: Found, reason: string): void {
    const was = this.#unwell;
    this.#unwell = found === 'well' ? undefined : found;
    if (found !== 'well') {
      this.#reasonOfChecks = reason;
    } else if (this.#cause === 'unreachable') {
      this.#rest?.hurry(now);
    } else if (this.#cause === undefined && was !== undefined) {
      this.#rampFrom = now;
      this.#reason = reason;
    }
  }

  /** What took it out may be over, as when all of a set were out: the next call probes it, and not one after its rest. */
  hurry(now: number): void {
    if (this.#cause !== undefined) this.#rest?.hurry(now);
  }

  get #cause(): Cause | undefined {
    return this.#rest?.cause;
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
    this.#rest ??= new Rest(this.#options, this.#random);
    this.#rest.start(now, cause, now - this.#rampFrom);
    this.#reason = reason;
  }
}

const NOTHING = { first: 0, second: 0 };
