import type { Clock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import type { Endpoint } from '../../core/endpoint.ts';

/** One send of a call, for the function that makes it. */
export interface Attempt {
  /** Who was picked for it. */
  readonly endpoint: Endpoint;
  /** Aborts when the attempt is given up: by its time limit, by the deadline of the call, by the caller. */
  readonly signal: AbortSignal;
  /** Milliseconds that are left for it, at least 1; `Infinity` when nothing limits it. */
  readonly deadlineMs: number;
  /** 1 for the first of its call. */
  readonly attempt: number;
  /** What the server should know (trace, time left, attempt, caller, target), by name in lower case, for a transport that can carry it. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Makes of a context what of it is asked for: a signal and headers cost more than most calls need. */
export class SentAttempt implements Attempt {
  readonly endpoint: Endpoint;
  readonly #ctx: Context;
  readonly #clock: Clock;

  constructor(ctx: Context, clock: Clock) {
    if (ctx.endpoint === undefined) throw new Error('an attempt has an endpoint when it is sent');
    this.endpoint = ctx.endpoint;
    this.#ctx = ctx;
    this.#clock = clock;
  }

  get signal(): AbortSignal {
    return this.#ctx.signal;
  }

  get deadlineMs(): number {
    return Math.max(1, Math.floor(this.#ctx.deadline - this.#clock.now()));
  }

  get attempt(): number {
    return this.#ctx.counted;
  }

  get headers(): Readonly<Record<string, string>> {
    const { headers } = this.#ctx;
    const named: Record<string, string> = {};
    for (let i = 0; i + 1 < headers.length; i += 2) named[headers[i] ?? ''] = headers[i + 1] ?? '';
    return named;
  }
}
