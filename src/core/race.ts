import type { Context } from './context.ts';
import type { Hooks } from './hooks.ts';

/** Observers around one service, of which the innermost of those outside bounds its calls. */
export interface BoundLayer<Req, Res> {
  readonly outside: Hooks<Req, Res>;
  readonly inside: Hooks<Req, Res>;
  /** Given a response that nobody waits for. */
  readonly late: (res: Res, ctx: Context) => void;
}

/**
 * One call on its way through observers that bound it. For those outside of the bound it is over with its reply or with its cancellation, whichever is first;
 * for those inside with its reply alone.
 */
export class Race<Req, Res> {
  /** What it comes to. */
  readonly reply: Promise<Res>;
  readonly #layer: BoundLayer<Req, Res>;
  readonly #ctx: Context;
  readonly #resolve: (res: Res) => void;
  readonly #reject: (error: unknown) => void;
  #over = false;

  constructor(layer: BoundLayer<Req, Res>, ctx: Context) {
    this.#layer = layer;
    this.#ctx = ctx;
    this.reply = new Promise(take);
    this.#resolve = taken.resolve as (res: Res) => void; // of the promise above
    this.#reject = taken.reject;
  }

  /** The response came. */
  succeed(res: Res): void {
    const { outside, inside, late } = this.#layer;
    const failure = inside.succeed(res, this.#ctx);
    if (failure !== undefined) {
      this.#end(failure);
    } else if (this.#over) {
      late(res, this.#ctx);
    } else {
      this.#over = true;
      const instead = outside.succeed(res, this.#ctx);
      if (instead === undefined) this.#resolve(res);
      else this.#reject(instead);
    }
  }

  /** It failed. */
  fail(error: unknown): void {
    this.#layer.inside.fail(error, this.#ctx);
    this.#end(error);
  }

  /** It was cancelled. */
  hear(reason: Error): void {
    if (this.#over) return;
    this.#over = true;
    // As with a reply: nobody hears of it from within what whoever cancels is doing.
    queueMicrotask(() => this.#tell(reason));
  }

  #end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#tell(error);
  }

  #tell(error: unknown): void {
    this.#layer.outside.fail(error, this.#ctx);
    this.#reject(error);
  }
}

/** What settles the promise that was made last. One function for all of them: another for each call would be an object more, and what that holds on to. */
const taken = { resolve: (_value: never) => {}, reject: (_error: unknown) => {} };
function take(resolve: (value: never) => void, reject: (error: unknown) => void): void {
  taken.resolve = resolve;
  taken.reject = reject;
}
