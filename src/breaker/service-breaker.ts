import type { EventEmitter } from 'node:events';
import CircuitBreaker from 'opossum';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { BreakerOpenError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import { jittered, type Random } from '../core/random.ts';
import type { ResolvedBreaker } from './options.ts';

interface BreakerScope {
  readonly service: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  /** Turns opossum's window; shared by all breakers of a mesh. */
  readonly rotation: EventEmitter;
}

const WINDOW_MS = 10_000;
const WINDOW_BUCKETS = 10;
const REST_JITTER = 0.2;

/**
 * Fails fast when a whole service is down. opossum counts and decides; it is told outcomes instead of being wrapped around calls.
 *
 * Wrapped around a call it would count those still running as if they had not failed, cancellations as one or the other, and the success
 * of a call from before an outage as its end. Told afterwards, it sees exactly what happened. A success while closed is one increment; only
 * failures and probes go through `fire`.
 */
export class ServiceBreaker {
  readonly #scope: BreakerScope;
  readonly #circuit: CircuitBreaker<[failed: boolean]>;
  readonly #minimum: number;
  #probe: Context | undefined;
  #openedAt = Number.NEGATIVE_INFINITY;
  #probeAt = Number.NEGATIVE_INFINITY;
  #trips = 0;
  #reason = '';

  constructor(options: ResolvedBreaker, scope: BreakerScope) {
    this.#scope = scope;
    this.#minimum = options.minimum;
    this.#circuit = new CircuitBreaker(outcome, {
      timeout: false,
      errorThresholdPercentage: options.failureRatio * 100,
      resetTimeout: jittered(scope.random, options.restMs, REST_JITTER),
      rollingCountTimeout: WINDOW_MS,
      rollingCountBuckets: WINDOW_BUCKETS,
      // With percentiles or snapshots on, every failure sorts all latencies of the window: 24 ms at 100,000 calls.
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: scope.rotation,
      volumeThreshold: options.minimum,
      name: scope.service,
    });
    let restMs = options.restMs;
    this.#circuit.on('open', () => this.#opened());
    this.#circuit.on('halfOpen', () => {
      restMs = Math.min(options.maxRestMs, restMs * 2);
      this.#circuit.options.resetTimeout = jittered(scope.random, restMs, REST_JITTER);
    });
    this.#circuit.on('close', () => {
      restMs = options.restMs;
      this.#circuit.options.resetTimeout = jittered(scope.random, restMs, REST_JITTER);
      this.#closed();
    });
  }

  get state(): 'closed' | 'open' | 'half-open' {
    if (this.#circuit.closed) return 'closed';
    return this.#circuit.halfOpen ? 'half-open' : 'open';
  }

  /** Why it opened last; empty when it never did. */
  get reason(): string {
    return this.#reason;
  }

  /** Lets a call through, or says why not. In half-open exactly one call passes at a time. */
  admit(ctx: Context): BreakerOpenError | undefined {
    if (this.#circuit.closed) return undefined;
    if (this.#circuit.halfOpen && this.#probe === undefined) {
      this.#probe = ctx;
      return undefined;
    }
    const { service, clock } = this.#scope;
    const rest = this.#probeAt - clock.now();
    const next = rest > 0 ? `the next probe is in ${Math.ceil(rest)} ms` : 'a probe is on its way';
    return new BreakerOpenError(service, `the breaker of '${service}' is open: ${this.#reason}; ${next}`);
  }

  /** Takes the outcome of a call that was let through into account. */
  record(ctx: Context, failed: boolean): void {
    if (ctx === this.#probe) {
      this.#probe = undefined;
      this.#tell(failed);
    } else if (this.#circuit.closed && ctx.startedAt >= this.#openedAt) {
      if (failed) this.#tell(true);
      else this.#circuit.status.increment('fires');
    }
  }

  /** A call that was let through ended without saying anything about the service. */
  ignore(ctx: Context): void {
    if (ctx === this.#probe) this.#probe = undefined;
  }

  close(): void {
    this.#circuit.shutdown();
  }

  #tell(failed: boolean): void {
    // The rejection that opossum passes on is the outcome that we gave it.
    this.#circuit.fire(failed).catch(() => {});
  }

  #opened(): void {
    const { service, clock, events } = this.#scope;
    const again = this.#trips > 0;
    this.#trips++;
    this.#openedAt = clock.now();
    this.#probeAt = this.#openedAt + this.#circuit.options.resetTimeout;
    if (again) return; // A probe that failed: the same outage, folded into the event of its end.
    const { failures, fires } = this.#circuit.stats;
    this.#reason = `${failures} of ${fires} calls failed in ${WINDOW_MS / 1000} s (at least ${this.#minimum} count)`;
    events.emit('breaker', { service, state: 'open', reason: this.#reason, trips: 1 });
  }

  #closed(): void {
    const { service, clock, events } = this.#scope;
    // Calls from before the outage ended are still running, and the window still holds it: neither is about what comes now.
    this.#openedAt = clock.now();
    for (let bucket = 0; bucket < WINDOW_BUCKETS; bucket++) this.#circuit.status.rotateBucket();
    const trips = this.#trips;
    this.#trips = 0;
    events.emit('breaker', { service, state: 'closed', reason: 'its probe succeeded', trips });
  }
}

function outcome(failed: boolean): Promise<void> {
  return failed ? Promise.reject(FAILED) : Promise.resolve();
}

const FAILED = new Error('the call failed');
