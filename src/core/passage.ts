import { attachCall } from './call-of.ts';
import type { Clock, Timer } from './clock.ts';
import type { Context } from './context.ts';
import { CancelledError, DeadlineError } from './errors.ts';

interface PassageScope<Res> {
  /** The name of the filter. */
  readonly name: string;
  readonly clock: Clock;
  readonly discard: (res: Res) => void;
}

/** One call on its way through a filter of the application. It ends, and lets go of all that it held, whatever the filter does. */
export class Passage<Res> {
  /** What became of it below: not sent, under way, or its outcome. */
  below: 'unsent' | 'sent' | 'answered' | 'failed' = 'unsent';
  /** Whether the filter has said how its call ended, or was not waited for. */
  over = false;
  readonly #ctx: Context;
  readonly #scope: PassageScope<Res>;
  #res: Res | undefined;
  #error: unknown;
  /** Ends a call that the filter does not let go of. */
  #timer: Timer | undefined;
  #giveUp: ((reason: Error) => void) | undefined;

  constructor(ctx: Context, scope: PassageScope<Res>) {
    this.#ctx = ctx;
    this.#scope = scope;
  }

  /** Follows what was sent down, and gives it back. */
  follow(sent: Promise<Res>): Promise<Res> {
    this.below = 'sent';
    sent.then(
      (res) => {
        this.below = 'answered';
        this.#res = res;
        if (!this.over) this.#limit();
        else if (this.#ctx.cancelled !== undefined) this.#scope.discard(res);
      },
      (error: unknown) => {
        this.below = 'failed';
        this.#error = error;
        // Of one that the filter did not wait for nobody else hears.
        if (this.over) this.#ctx.end(error);
        else this.#limit();
      },
    );
    return sent;
  }

  /** Calls `giveUp` when the call is cancelled, or its time is up, and the filter does not let go of it. */
  watch(giveUp: (reason: Error) => void): void {
    this.#giveUp = giveUp;
    this.#ctx.onCancel((reason) => {
      if (this.over) {
        // Whatever it still waits for below, nobody waits for that.
        this.#ctx.end(reason);
        return;
      }
      // What is under way below hears of it too, and says first how it ended.
      if (this.below === 'unsent') giveUp(reason);
      else this.#set(this.#scope.clock.after(0, () => giveUp(reason)));
    });
  }

  /** Whether an error is none of the filter's own. */
  passesOn(error: unknown): boolean {
    return error === this.#ctx.cancelled || (this.below === 'failed' && error === this.#error);
  }

  /** The filter gave a response. */
  succeed(): void {
    this.#finish();
    if (this.below === 'answered') return;
    this.#unjudged();
    // No response from below will end it.
    if (this.below !== 'sent') this.#ctx.end();
  }

  /** The filter, or whoever did not wait for it, gave an error. */
  fail(error: unknown): void {
    this.#finish();
    attachCall(error, this.#ctx);
    switch (this.below) {
      case 'failed':
        if (error !== this.#error) explain(error, this.#error);
        return;
      case 'answered':
        this.#ctx.verdict ??= 'ignorable';
        this.#scope.discard(this.#res as Res); // it is there once it is answered
        return;
      case 'sent':
        this.#unjudged();
        this.#ctx.cancel(error instanceof Error ? error : new CancelledError(this.#ctx.target, error));
        return;
      case 'unsent':
        this.#unjudged();
        this.#ctx.end(error);
    }
  }

  #finish(): void {
    this.over = true;
    this.#timer?.cancel();
  }

  #set(timer: Timer): void {
    this.#timer?.cancel();
    this.#timer = timer;
  }

  /** A call that has ended below is over for those who limit it, but not for those who wait for the filter. */
  #limit(): void {
    const { target, deadline, limitedBy, cancelled } = this.#ctx;
    // One that was cancelled is about to be given up.
    if (deadline === Number.POSITIVE_INFINITY || cancelled !== undefined) return;
    const late = `filter '${this.#scope.name}' of '${target}' did not let go of a call in time`;
    const expire = (passage: this) => {
      const error = new DeadlineError(target, limitedBy === 'request', late);
      // It is the filter's doing, and says nothing of the service.
      error.limitedBy = 'caller';
      passage.#giveUp?.(error);
    };
    this.#set(this.#scope.clock.at(deadline, expire, this));
  }

  /** Nothing is known of an endpoint from it. */
  #unjudged(): void {
    const ctx = this.#ctx;
    ctx.verdict ??= 'ignorable';
    if (Number.isNaN(ctx.finishedAt)) ctx.finishedAt = this.#scope.clock.now();
  }
}

/** Leaves what came from below where it is looked for, unless the filter has said what its error comes from. */
function explain(error: unknown, cause: unknown): void {
  if (error instanceof Error && error.cause === undefined)
    Reflect.defineProperty(error, 'cause', { value: cause, configurable: true, writable: true });
}
