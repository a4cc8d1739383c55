import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { nativeError } from './native-error.ts';

/** The head of a response, with its body still coming. Read it, or destroy it: an unread body holds its connection. */
export interface StreamedResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** One attempt over a connection of undici, its body handed on as it comes, no faster than it is read. */
export class StreamedExchange implements Dispatcher.DispatchHandler {
  readonly #ctx: Context;
  readonly #resolve: (response: StreamedResponse) => void;
  readonly #reject: (error: unknown) => void;
  #body: Readable | undefined;

  constructor(ctx: Context, resolve: (response: StreamedResponse) => void, reject: (error: unknown) => void) {
    this.#ctx = ctx;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#ctx.onCancel((reason) => controller.abort(reason));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return; // 100 and 103 come before the response
    const ctx = this.#ctx;
    this.#body = new Readable({
      read: () => controller.resume(),
      destroy: (error, done) => {
        if (!ctx.ended) {
          // A reader that stops early, or fails itself, speaks against nobody; an error of the connection has ended this before.
          ctx.end();
          controller.abort(error ?? new Error('the body was not read to its end'));
        }
        done(error);
      },
    });
    // A body that nobody reads may break off or run out of time: that is its reader's to hear, and must not end a process without one.
    this.#body.on('error', () => {});
    const response: StreamedResponse = { status, headers, body: this.#body };
    attachCall(response, ctx);
    this.#resolve(response);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.push(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#ctx.end();
    this.#body?.push(null);
  }

  onResponseError(_controller: unknown, thrown: Error): void {
    const error = nativeError(thrown, this.#ctx);
    if (this.#body === undefined) {
      this.#reject(error);
      return;
    }
    this.#ctx.end(error);
    this.#body.destroy(error instanceof Error ? error : thrown);
  }
}
