import { type Backoff, fullJitter } from '../../core/backoff.ts';
import type { Timer } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';
import { jittered } from '../../core/random.ts';
import type { RegistryScope } from '../registry.ts';
import { HttpStatusError, isPermanent, statusOf } from './http-error.ts';

/** What is done in rounds. */
export interface RoundsOptions {
  /** One round. Resolves with the milliseconds until the next one; rejects when it failed. `signal` is aborted by `close`. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** A round failed, and it is worth a word; `permanent` when waiting does not cure it. `reason` is for people. */
  readonly failed: (reason: string, permanent: boolean) => void;
  readonly scope: Pick<RegistryScope, 'clock' | 'random'>;
}

const RETRY_MS = 100;
/** Wide enough that of a thousand processes which lose a server together no more than 50 come back in the same 100 ms. */
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 30_000;
/** What takes a person is tried again this often, so that it heals by itself once the person was there. */
const PERMANENT_MS = 30_000;
const JITTER = 0.2;
const UNAUTHORIZED = 401;

/**
 * Asks a server again and again until it is closed: one round after the other, the next at once or after a wait, and after a failure with
 * full jitter. A server that says when it wants to be asked again is obeyed.
 */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #abort = new AbortController();
  readonly #backoff: Backoff;
  #timer: Timer | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;
  #failures = 0;
  /** Whether the last round ended because the token is not good. */
  #unauthorized = false;

  /** Begins the first round. */
  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#backoff = fullJitter(FIRST_WAIT_MS, LONGEST_WAIT_MS, options.scope.random);
    this.#begin();
  }

  /** The server answered well, so the next failure is the first of its kind. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** No further round. Resolves when the last one is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#working;
  }

  /** No further round, and an end to this one. */
  close(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#abort.abort(new Error('the registry is closed'));
  }

  #begin(): void {
    this.#working = this.#options.round(this.#abort.signal).then(
      (waitMs) => {
        this.#unauthorized = false;
        this.#nextIn(waitMs);
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #nextIn(ms: number): void {
    if (this.#stopped) return;
    if (ms <= 0) this.#begin();
    else this.#timer = this.#options.scope.clock.background(ms, () => this.#begin());
  }

  #failed(error: unknown): void {
    if (this.#stopped) return;
    const { failed, scope } = this.#options;
    const { random } = scope;
    // A token may have been replaced a moment ago: the next round reads it anew. Only if that is refused too, something is wrong.
    const first = statusOf(error) === UNAUTHORIZED && !this.#unauthorized;
    this.#unauthorized = statusOf(error) === UNAUTHORIZED;
    if (first) {
      this.#nextIn(RETRY_MS);
      return;
    }
    const permanent = isPermanent(error);
    failed(messageOf(error), permanent);
    const asked = error instanceof HttpStatusError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = permanent ? jittered(random, PERMANENT_MS, JITTER) : RETRY_MS + this.#backoff(this.#failures++);
    // All who were told the same must not come back in the same moment.
    this.#nextIn(asked + waitMs);
  }
}
