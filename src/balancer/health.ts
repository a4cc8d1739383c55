import { durationMs, finite, integer, options as known } from '../core/check.ts';
import { jittered, type Random } from '../core/random.ts';
import { SlidingWindow } from '../core/sliding-window.ts';

/** When one endpoint is taken out of use by its own failures. Each is checked when the mesh is made. */
export interface HealthOptions {
  /** Failures in a row that take it out. 1 to 1,000. @default 5 */
  readonly failures?: number | undefined;
  /** Success rate below which it is taken out, once there are `minimum` outcomes in 10 s. 0 to 1. @default 0.8 */
  readonly successRatio?: number | undefined;
  /** Outcomes in 10 s below which the rate says nothing. At least 1. @default 20 */
  readonly minimum?: number | undefined;
  /** Rest after the first time, doubled each time that the probe fails, jittered by ± 20 %. Milliseconds, at least 1. @default 5_000 */
  readonly restMs?: number | undefined;
  /** Longest rest in milliseconds; at least `restMs`. @default 300_000 */
  readonly maxRestMs?: number | undefined;
  /** Time over which one that came back, or joined later, gets up to its full share. Milliseconds, 0 for none. @default 10_000 */
  readonly slowStartMs?: number | undefined;
}

export interface ResolvedHealth {
  readonly failures: number;
  readonly successRatio: number;
  readonly minimum: number;
  readonly restMs: number;
  readonly maxRestMs: number;
  readonly slowStartMs: number;
}

export function resolveHealth(name: string, options: HealthOptions = {}): ResolvedHealth {
  known(name, options, ['failures', 'successRatio', 'minimum', 'restMs', 'maxRestMs', 'slowStartMs']);
  const { failures = 5, successRatio = 0.8, minimum = 20, restMs = 5_000 } = options;
  const { maxRestMs = 300_000, slowStartMs = 10_000 } = options;
  return {
    failures: integer(`${name}.failures`, failures, { min: 1, max: 1_000 }),
    successRatio: finite(`${name}.successRatio`, successRatio, { min: 0, max: 1 }),
    minimum: integer(`${name}.minimum`, minimum, { min: 1 }),
    restMs: durationMs(`${name}.restMs`, restMs),
    maxRestMs: durationMs(`${name}.maxRestMs`, maxRestMs, { min: restMs }),
    slowStartMs: durationMs(`${name}.slowStartMs`, slowStartMs, { min: 0 }),
  };
}

const WINDOW_MS = 10_000;
const REST_JITTER = 0.2;
/** The share that an endpoint starts with when it comes back: enough to learn from, little enough not to hurt. */
const FIRST_SHARE = 0.1;

/** `up`: used. `busy`: rested enough, one request may try it. `down`: resting, or being tried. */
export type Fitness = 'up' | 'busy' | 'down';

/**
 * Whether one endpoint is well, judged by the outcomes of its own traffic; it has no timer and looks at the clock when asked.
 *
 *     up ──5 failures in a row, or success rate < 80 %──▶ down ─rest is over──▶ busy ──picked──▶ down (probing)
 *      ▲                                                    ▲                                         │
 *      └───────────────── the probe succeeded ──────────────┼─────────────────────────────────────────┤
 *                                                           └─── the probe failed: rest doubles ──────┘
 */
export class Health {
  readonly #options: ResolvedHealth;
  readonly #random: Random;
  /** Made at the first outcome: of many endpoints most are never called. */
  #window: SlidingWindow | undefined;
  #streak = 0;
  #rests = 0;
  #restUntil = 0;
  #resting = false;
  #unreachable = false;
  /** The attempt that is trying it now. */
  #probe: object | undefined;
  #rampFrom: number;

  /** `rampFrom` is when its slow start begins; `-Infinity` for one that needs none. */
  constructor(options: ResolvedHealth, random: Random, rampFrom: number) {
    this.#options = options;
    this.#random = random;
    this.#rampFrom = rampFrom;
  }

  fitness(now: number): Fitness {
    if (!this.#resting) return 'up';
    return this.#probe === undefined && now >= this.#restUntil ? 'busy' : 'down';
  }

  /** Whether it is out because nobody could be reached there: that is a fact, where its other failures are a judgement. */
  get unreachable(): boolean {
    return this.#resting && this.#unreachable;
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
    if (this.fitness(now) === 'busy') this.#probe = attempt;
  }

  /** An attempt ended that says nothing about it; if it was the probe, another may be. */
  ignore(attempt: object): void {
    if (attempt === this.#probe) this.#probe = undefined;
  }

  /** Returns whether it just came back. */
  succeed(now: number, attempt: object): boolean {
    this.#streak = 0;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, 1, 0);
    // The success of an attempt sent before the rest began says nothing about now; only the probe does.
    if (attempt !== this.#probe) return false;
    this.#probe = undefined;
    this.#resting = false;
    this.#rests = 0;
    this.#window.clear();
    this.#rampFrom = now;
    return true;
  }

  /**
   * Returns why it was just taken out, or nothing. `unreachable` counts as a whole streak: a refused connection will not mend by trying.
   * `mayRestByRate` says whether enough of its peers are in use to do without it for its rate alone.
   */
  fail(now: number, attempt: object, unreachable: boolean, mayRestByRate: () => boolean): string | undefined {
    const { failures, minimum, successRatio } = this.#options;
    this.#streak++;
    this.#window ??= new SlidingWindow(WINDOW_MS, now);
    this.#window.add(now, 0, 1);
    this.#unreachable = unreachable;
    if (this.#resting) {
      if (attempt === this.#probe) this.#rest(now);
      return undefined;
    }
    const { first: good, second: bad } = this.#window;
    if (unreachable) return this.#takeOut(now, 'cannot be reached');
    if (this.#streak >= failures) return this.#takeOut(now, `${this.#streak} failures in a row`);
    if (good + bad >= minimum && good < successRatio * (good + bad) && mayRestByRate()) {
      return this.#takeOut(now, `${Math.round((100 * good) / (good + bad))} % of ${good + bad} succeeded`);
    }
    return undefined;
  }

  #takeOut(now: number, reason: string): string {
    this.#resting = true;
    this.#rest(now);
    return reason;
  }

  #rest(now: number): void {
    const { restMs, maxRestMs } = this.#options;
    this.#probe = undefined;
    this.#restUntil =
      now + Math.min(maxRestMs, jittered(this.#random, restMs * 2 ** Math.min(this.#rests, 20), REST_JITTER));
    this.#rests++;
  }
}
