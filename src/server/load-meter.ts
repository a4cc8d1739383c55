/** Levels of load: none in flight, 1, 2 and 3, 4 to 7, and so on; the last is for 256 and more. */
const LEVELS = 10;
/** What was known before a pause fades with it: the time constant, the same by which callers forget. */
const FADING_MS = 5_000;
/** A level that saw fewer requests says nothing yet. */
const ENOUGH = 32;
/** What one request weighs in the time that is reported. */
const WEIGHT = 0.03;
/** What one weighs in the recent time of its level. */
const RECENT_WEIGHT = 0.05;
/** What one weighs at most in the usual time of its level, and how slowly that follows: a slow minute must not pass for normal, a new normal must. */
const USUAL_WEIGHT = 0.01;
const USUAL_MS = 60_000;
/** A level that saw no request for so long is forgotten. */
const FORGOTTEN_MS = 600_000;
/** So much slower than idle is slow. */
const SLOW = 1.3;

/**
 * How busy this process is: requests in flight, and how long requests take until the head of their response.
 *
 * Latencies are kept by how many others were in flight when a request came, in ten logarithmic levels. Each level keeps two means: a recent
 * one (a request weighs a twentieth) and the usual one (a hundredth at most, and a time constant of a minute or more). Idle latency is the
 * usual one of the lowest level that saw 32 requests; what the process takes now is the recent one of its present level, or of the next
 * lower one that saw as many. A level that saw none for ten minutes is forgotten. So a process of one worker is slow as soon as requests queue up, one of eight workers is not before its ninth, and one
 * that something else slows down is, at any level, until that has lasted for minutes. Allocates nothing once made.
 */
export class LoadMeter {
  /** Requests in flight, bodies of their responses included. */
  inFlight = 0;
  readonly #recentMs = new Float64Array(LEVELS);
  readonly #usualMs = new Float64Array(LEVELS);
  readonly #samples = new Float64Array(LEVELS);
  readonly #seenAt = new Float64Array(LEVELS);
  #serviceMs = Number.NaN;
  #served = 0;
  #servedAt = 0;

  /**
   * Mean time until the head of a response in milliseconds, the last thirty or so weighing most; NaN before the first. One that came after a pause weighs
   * more: who is sent little because it was slow must not be called slow until it was sent much.
   */
  get serviceMs(): number {
    return this.#serviceMs;
  }

  /** Takes in that a request took `ms` until its head, which met `others` in flight when it came. */
  took(ms: number, others: number, now: number): void {
    // A pause is one that there was before the request: the first of those that were stuck together is not news of another time.
    const pauseMs = Math.max(0, now - ms - this.#servedAt);
    this.#servedAt = now;
    this.#served++;
    const news = Math.max(weight(WEIGHT, this.#served), 1 - Math.exp(-pauseMs / FADING_MS));
    this.#serviceMs = this.#served === 1 ? ms : moved(this.#serviceMs, ms, news);
    const level = levelOf(others);
    if (!this.#fresh(level, now)) this.#samples[level] = 0;
    const samples = at(this.#samples, level) + 1;
    const sinceMs = now - at(this.#seenAt, level);
    this.#samples[level] = samples;
    this.#seenAt[level] = now;
    const usual = weight(Math.min(USUAL_WEIGHT, sinceMs / USUAL_MS), samples);
    this.#recentMs[level] = moved(at(this.#recentMs, level), ms, weight(RECENT_WEIGHT, samples));
    this.#usualMs[level] = moved(at(this.#usualMs, level), ms, usual);
  }

  /** Whether requests now take more than 1.3 times what they do when it is idle; false while too little is known. */
  slow(now: number): boolean {
    let idle = 0;
    while (idle < LEVELS && !this.#known(idle, now)) idle++;
    if (idle === LEVELS) return false;
    let present = levelOf(this.inFlight);
    while (present > idle && !this.#known(present, now)) present--;
    return present >= idle && at(this.#recentMs, present) > SLOW * at(this.#usualMs, idle);
  }

  #known(level: number, now: number): boolean {
    return at(this.#samples, level) >= ENOUGH && this.#fresh(level, now);
  }

  #fresh(level: number, now: number): boolean {
    return now - at(this.#seenAt, level) < FORGOTTEN_MS;
  }
}

function levelOf(inFlight: number): number {
  return Math.min(LEVELS - 1, 32 - Math.clz32(inFlight));
}

/** The first hundred at most are averaged: until one of them weighs no more than later ones do. */
function weight(later: number, count: number): number {
  return count * USUAL_WEIGHT <= 1 ? Math.max(later, 1 / count) : later;
}

function moved(mean: number, sample: number, weight: number): number {
  return mean + (sample - mean) * weight;
}

/** What stands in a level; each has a number from the beginning. */
function at(numbers: Float64Array, level: number): number {
  return numbers[level] ?? 0;
}
