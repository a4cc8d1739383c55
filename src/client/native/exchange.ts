import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Context } from '../../core/context.ts';
import { TransportError } from '../../core/errors.ts';
import { nativeError } from './native-error.ts';
import { NativeResponse } from './response.ts';

/** A body that is read whole has to end somewhere. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** One attempt over a connection of undici, its body gathered: until all of it is there, the call can still be sent again. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #ctx: Context;
  readonly #resolve: (response: NativeResponse) => void;
  readonly #reject: (error: unknown) => void;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #size = 0;

  constructor(ctx: Context, resolve: (response: NativeResponse) => void, reject: (error: unknown) => void) {
    this.#ctx = ctx;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#ctx.onCancel((reason) => controller.abort(reason));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > MAX_BODY_BYTES) {
      const tooLong = new Error(`the body is longer than ${MAX_BODY_BYTES} bytes; use stream() for such bodies`);
      controller.abort(new TransportError(this.#ctx.target, this.#ctx.endpoint?.id, tooLong, 'never'));
    } else if (this.#first === undefined) {
      this.#first = chunk;
    } else {
      this.#rest ??= [this.#first];
      this.#rest.push(chunk);
    }
  }

  onResponseEnd(): void {
    const body = this.#rest === undefined ? (this.#first ?? Buffer.alloc(0)) : Buffer.concat(this.#rest, this.#size);
    this.#ctx.end();
    this.#resolve(new NativeResponse(this.#ctx.root, this.#status, this.#headers, body));
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#reject(nativeError(error, this.#ctx));
  }
}
