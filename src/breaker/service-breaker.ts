import type { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { BreakerOpenError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { SlidingWindow } from '../core/sliding-window.ts';
import type { ResolvedBreaker } from './options.ts';
import type { Cause, Outages } from './outages.ts';
import { ProbeRest } from './probe-rest.ts';
import { reasonOf, WINDOW_MS } from './reason.ts';
import { Streak } from './streak.ts';

interface BreakerScope {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly outages: Outages;
  /** Turns opossum's window; shared by all breakers of a mesh. */
  readonly rotation: EventEmitter;
  /** Told when a probe succeeded. */
  readonly recovered: () => void;
}

/** What the application holds it in, whatever becomes of its calls. */
export type Forced = 'open' | 'closed';

const WINDOW_BUCKETS = 10;
const FORCED_OPEN = 'the application opened it';

/**
 * Fails fast when a whole service is down. opossum counts and decides; it is told outcomes instead of being wrapped around calls.
 *
 * Wrapped around a call it would count those still running as if they had not failed, cancellations as one or the other, and the success
 * of a call from before an outage as its end. Told afterwards, it sees exactly what happened. A success while closed is one increment; only
 * failures and probes go through `fire`.
 */
export class ServiceBreaker {
  readonly #scope: BreakerScope;
  readonly #options: ResolvedBreaker;
  readonly #circuit: CircuitBreaker<[failed: boolean]>;
  readonly #rest: ProbeRest;
  /** The slow among the failures of the window; only with `slowMs`. */
  readonly #slow: SlidingWindow | undefined;
  readonly #streak = new Streak();
  #forced: Forced | undefined;
  #probe: Context | undefined;
  /** When another call may take the place of a probe that does not end. */
  #probeEndsAt = Number.NEGATIVE_INFINITY;
  /** Calls that began before are of another time: their outcomes count for nothing. */
  #since = Number.NEGATIVE_INFINITY;
  /** Why it is told to be open; `undefined` while it is not. */
  #cause: Cause | undefined;
  #reason = '';

  constructor(options: ResolvedBreaker, scope: BreakerScope) {
    this.#scope = scope;
    this.#options = options;
    this.#rest = new ProbeRest(options, scope.random);
    if (options.slowMs !== false) this.#slow = new SlidingWindow(WINDOW_MS, scope.clock.now());
    this.#circuit = new CircuitBreaker(outcome, {
      timeout: false,
      errorThresholdPercentage: options.failureRatio * 100,
      resetTimeout: this.#rest.firstMs(),
      rollingCountTimeout: WINDOW_MS,
      rollingCountBuckets: WINDOW_BUCKETS,
      // With percentiles or snapshots on, every failure sorts all latencies of the window: 24 ms at 100,000 calls.
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: scope.rotation,
      volumeThreshold: options.minimum,
      name: scope.service,
    });
    this.#circuit.on('open', () => this.#opened());
    // opossum has set its timer by the time it says that it is open: what is written here is for the next one.
    this.#circuit.on('halfOpen', () => {
      this.#circuit.options.resetTimeout = this.#rest.nextMs(scope.clock.now());
    });
    this.#circuit.on('close', () => this.#closed());
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#forced !== undefined) return this.#forced;
    if (this.#circuit.closed) return 'closed';
    return this.#circuit.halfOpen ? 'half-open' : 'open';
  }

  /** Whether the application holds it in its state. */
  get forced(): boolean {
    return this.#forced !== undefined;
  }

  /** Why it is as it is; empty while it is closed and never was anything else. */
  get reason(): string {
    if (this.#forced !== undefined || this.#circuit.closed) return this.#reason;
    return `${this.#reason}; ${this.#next()}`;
  }

  /** Lets a call through, or says why not. In half-open exactly one call passes at a time. */
  admit(ctx: Context): BreakerOpenError | undefined {
    if (this.#forced === undefined && this.#circuit.closed) return undefined;
    if (this.#forced === 'closed' || this.#probes(ctx)) return undefined;
    const { service } = this.#scope;
    return new BreakerOpenError(service, `the breaker of '${service}' is open: ${this.reason}`);
  }

  /** Takes the outcome of a call that was let through into account. */
  record(ctx: Context, failed: boolean): void {
    if (this.#forced !== undefined) return;
    if (ctx === this.#probe) this.#probed(failed || this.#tooSlow(ctx));
    else if (!this.#circuit.closed || ctx.startedAt < this.#since) return;
    else if (failed || this.#tooSlow(ctx)) this.#failed();
    else {
      this.#streak.ended();
      this.#circuit.status.increment('fires');
    }
  }

  /** A call that was let through ended without saying anything about the service. */
  ignore(ctx: Context): void {
    if (ctx === this.#probe) this.#probe = undefined;
  }

  /** Holds it open or closed. `undefined` lets it decide again, by what happens from now on. */
  force(forced: Forced | undefined): void {
    const before = this.#forced;
    if (forced === before) return;
    this.#forced = forced;
    this.#probe = undefined;
    if (this.#circuit.closed) this.#startAnew();
    else this.#circuit.close();
    if (forced === 'open') this.#tellOpen('forced', FORCED_OPEN);
    else if (this.#cause === undefined) this.#reason = forced === undefined ? '' : 'the application closed it';
    else this.#tellClosed(forced === undefined ? 'the application lets it decide again' : 'the application closed it');
  }

  close(): void {
    this.#circuit.shutdown();
    if (this.#cause !== undefined) this.#scope.outages.left(this.#scope.service, this.#cause);
    this.#cause = undefined;
  }

  #probes(ctx: Context): boolean {
    if (this.#forced !== undefined || !this.#circuit.halfOpen) return false;
    const now = this.#scope.clock.now();
    // With no deadline a call may never end. It is not waited for any longer than a probe that fails is.
    if (this.#probe !== undefined && now < this.#probeEndsAt) return false;
    this.#probe = ctx;
    this.#probeEndsAt = now + this.#circuit.options.resetTimeout;
    return true;
  }

  #probed(failed: boolean): void {
    this.#probe = undefined;
    // The rest that follows began with the probe.
    if (failed) this.#circuit.options.resetTimeout = Math.max(1, this.#probeEndsAt - this.#scope.clock.now());
    this.#tell(failed);
  }

  #failed(): void {
    const now = this.#scope.clock.now();
    this.#streak.failed(now);
    this.#tell(true);
    const ms = this.#streak.lastsMs(now);
    if (ms === 0 || this.#streak.count < this.#options.minimum) return;
    if (this.#circuit.stats.failures < this.#options.minimum) return; // most of them are too long ago
    this.#circuit.open();
  }

  #next(): string {
    const restMs = this.#rest.until - this.#scope.clock.now();
    if (restMs > 0) return `the next probe is in ${Math.ceil(restMs)} ms`;
    return this.#probe === undefined ? 'the next call is a probe' : 'a probe is on its way';
  }

  #tooSlow(ctx: Context): boolean {
    const { slowMs } = this.#options;
    if (slowMs === false) return false;
    const now = this.#scope.clock.now();
    if (now - ctx.startedAt <= slowMs) return false;
    this.#slow?.add(now, 1, 0);
    return true;
  }

  #tell(failed: boolean): void {
    // The rejection that opossum passes on is the outcome that we gave it.
    this.#circuit.fire(failed).catch(() => {});
  }

  #opened(): void {
    const { service, clock, outages } = this.#scope;
    if (this.#forced !== undefined) {
      this.#circuit.close(); // an outcome that was still on its way to opossum
      return;
    }
    const now = clock.now();
    this.#since = now;
    this.#rest.begin(now, this.#circuit.options.resetTimeout);
    if (this.#cause !== undefined) {
      outages.goesOn(service, this.#cause); // a probe that failed: the same outage
      return;
    }
    const { failures, fires } = this.#circuit.stats;
    this.#slow?.turn(now);
    const slow = Math.min(failures, this.#slow?.first ?? 0);
    const reason = reasonOf({ fires, failures, slow, noneForMs: this.#streak.lastsMs(now) }, this.#options);
    this.#tellOpen(slow * 2 > failures ? 'slow' : 'failures', reason);
  }

  #closed(): void {
    this.#startAnew();
    this.#circuit.options.resetTimeout = this.#rest.firstMs();
    if (this.#forced !== undefined) return;
    this.#tellClosed('its probe succeeded');
    this.#scope.recovered();
  }

  /** Calls from before are still running, and the window still holds them: neither is about what comes now. */
  #startAnew(): void {
    this.#since = this.#scope.clock.now();
    this.#slow?.clear();
    this.#streak.ended();
    for (let bucket = 0; bucket < WINDOW_BUCKETS; bucket++) this.#circuit.status.rotateBucket();
  }

  #tellOpen(cause: Cause, reason: string): void {
    const { service, outages } = this.#scope;
    if (this.#cause !== undefined) outages.left(service, this.#cause);
    this.#cause = cause;
    this.#reason = reason;
    outages.opened(service, cause, reason);
  }

  #tellClosed(reason: string): void {
    const { service, outages } = this.#scope;
    const cause = this.#cause;
    this.#cause = undefined;
    this.#reason = reason;
    if (cause !== undefined) outages.closed(service, cause, reason);
  }
}

function outcome(failed: boolean): Promise<void> {
  return failed ? Promise.reject(FAILED) : Promise.resolve();
}

const FAILED = new Error('the call failed');
