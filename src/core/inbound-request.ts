import type { Clock, Timer } from './clock.ts';
import type { Context } from './context.ts';
import { ClientGoneError, DeadlineError } from './errors.ts';
import type { NotRetried } from './not-retried.ts';

/** The request that is being served, as far as whoever serves it has to know. */
export interface CurrentRequest {
  /**
   * Aborts when nobody waits for the answer any more: with a `ClientGoneError` when the client went away, with a `DeadlineError` when the time that
   * it allowed is over. Never once the response was given its end.
   */
  readonly signal: AbortSignal;
  /** Milliseconds for which the client still waits: 0 when the time is over, `Infinity` when it did not say. */
  readonly leftMs: number;
}

/** What is known of the response: whether it was given its end, though perhaps not yet sent. */
interface Response {
  readonly writableEnded: boolean;
}

/**
 * One inbound request, from its arrival until its response is over. It cancels the calls that are made for it when its client goes away, and keeps
 * none of them, nor the response, any longer than they last.
 *
 * Its time does not cancel these calls: each has it as its own deadline.
 */
export class InboundRequest implements CurrentRequest {
  readonly #service: string;
  readonly #deadline: number;
  readonly #clock: Clock;
  /** `undefined` once it is over. */
  #response: Response | undefined;
  #gone: ClientGoneError | undefined;
  #calls: Set<Context> | undefined;
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #triedAgain = false;

  /** `service` is the one that serves it; `deadline` is in monotonic milliseconds, or `Infinity`. */
  constructor(service: string, deadline: number, clock: Clock, response: Response) {
    this.#service = service;
    this.#deadline = deadline;
    this.#clock = clock;
    this.#response = response;
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - this.#clock.now());
  }

  /** Made when first asked for, and so is the timer that it takes. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone !== undefined) this.#controller.abort(this.#gone);
      else if (this.leftMs === 0) this.#expire();
      else if (this.#response !== undefined && this.#deadline !== Number.POSITIVE_INFINITY)
        this.#timer = this.#clock.at(this.#deadline, (request) => request.#expire(), this);
    }
    return this.#controller.signal;
  }

  /** A call was made for it, or part of its work that is one to the mesh. */
  follow(call: Context): void {
    if (this.#gone !== undefined) {
      call.cancel(goneBefore(call, this.#gone));
    } else if (this.#response !== undefined) {
      const calls = this.#calls ?? new Set();
      this.#calls = calls.add(call);
      call.onEnd(() => {
        calls.delete(call);
        this.#triedAgain ||= triedAgain(call);
      });
    }
  }

  /**
   * Whether a call made for it failed that was sent again, here or further down, or that nobody is to send again now: whoever sent the request would only
   * do the same once more. A call that was sent once, and could not be sent again here, is none of these.
   */
  get triedAgain(): boolean {
    return this.#triedAgain || [...(this.#calls ?? [])].some(triedAgain);
  }

  /** Its response is over, sent or not. Returns whether its client went away before the response was given its end. */
  over(): boolean {
    const response = this.#response;
    if (response === undefined) return this.#gone !== undefined;
    const calls = this.#calls;
    this.#response = undefined;
    this.#calls = undefined;
    this.#timer?.cancel();
    if (response.writableEnded) return false;
    // What is started while these are cancelled finds it gone.
    const gone = new ClientGoneError(
      this.#service,
      `the client of a request to '${this.#service}' went away before it was answered`,
    );
    this.#gone = gone;
    this.#controller?.abort(gone);
    for (const call of calls ?? []) call.cancel(goneBefore(call, gone));
    return true;
  }

  #expire(): void {
    if (this.#response?.writableEnded !== false) return;
    const late = `the time of a request to '${this.#service}' was over before it was answered`;
    this.#controller?.abort(new DeadlineError(this.#service, true, late));
  }
}

/** Reasons that are about this layer alone: whoever is above may send the call again, unless it was sent again here. */
const OWN: ReadonlySet<NotRetried> = new Set(['attempts', 'resend', 'body', 'left-to-caller']);

function triedAgain({ noted: { notRetried }, previous: last }: Context): boolean {
  return notRetried !== undefined && (!OWN.has(notRetried) || (last?.counted ?? 1) > 1);
}

function goneBefore({ target }: Context, cause: ClientGoneError): ClientGoneError {
  return new ClientGoneError(
    target,
    `the call to '${target}' was cancelled: the client of the request it is made for went away`,
    cause,
  );
}
