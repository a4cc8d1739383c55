import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { nodeOf } from '../../balancer/node.ts';
import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { isMeshError } from '../../core/errors.ts';
import { ownHeader } from '../own-header.ts';
import { sendError } from '../send-error.ts';
import type { TargetPools } from '../target-pools.ts';

/**
 * The dispatcher that fetch is given for one attempt. It sends what fetch made of the request to the endpoint that was picked, so that the
 * URL, the host header and the response stay those of the service.
 */
export class AttemptDispatcher {
  readonly #ctx: Context;
  readonly #pools: TargetPools;
  /** Whether fetch used it. One that does not is not built on undici. */
  used = false;
  /** Whether the answer was a 421, which fetch was told as a 400: after a 421 it would ask again by itself, and over HTTP/2 without the body. */
  misdirected = false;

  constructor(ctx: Context, pools: TargetPools) {
    this.#ctx = ctx;
    this.#pools = pools;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.used = true;
    const ctx = this.#ctx;
    const headers = this.#pools.headers(withMesh(options.headers, ctx));
    const observed = new ObservedHandler(handler, ctx, this);
    return this.#pools.of(nodeOf(ctx)).dispatch({ ...options, headers }, observed);
  }
}

function withMesh(headers: Dispatcher.DispatchOptions['headers'], ctx: Context): string[] {
  const all: string[] = ['host', ctx.target, ...ctx.headers];
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) add(all, String(headers[i]), String(headers[i + 1]));
  } else if (headers !== null && headers !== undefined && Symbol.iterator in headers) {
    for (const [name, value] of headers) add(all, name, value);
  } else {
    for (const [name, value] of Object.entries(headers ?? {})) add(all, name, value);
  }
  return all;
}

function add(all: string[], name: string, value: string | number | readonly string[] | undefined): void {
  if (value === undefined || ownHeader(name)) return;
  // The fetch of Node 22 adds the length that it knows to the one that its caller gave: `5, 5`.
  if (name.toLowerCase() === 'content-length') all.push(name, String(value).split(',')[0] ?? '');
  else if (typeof value === 'object') for (const one of value) all.push(name, one);
  else all.push(name, String(value));
}

/** Passes everything on to fetch's own handler, ends the attempt when the body does, and stops when the attempt is cancelled. */
class ObservedHandler implements Dispatcher.DispatchHandler {
  readonly #inner: Dispatcher.DispatchHandler;
  readonly #ctx: Context;
  readonly #attempt: AttemptDispatcher;
  #head = false;

  constructor(inner: Dispatcher.DispatchHandler, ctx: Context, attempt: AttemptDispatcher) {
    this.#inner = inner;
    this.#ctx = ctx;
    this.#attempt = attempt;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#inner.onRequestStart?.(controller, context);
    // With a signal fetch has stopped by itself already.
    this.#ctx.onCancel((reason) => {
      attachCall(reason, this.#ctx);
      if (!controller.aborted) controller.abort(reason);
    });
  }

  onRequestUpgrade(...given: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>): void {
    this.#inner.onRequestUpgrade?.(...given);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    text?: string,
  ): void {
    this.#head = status >= 200;
    if (status === 421) this.#attempt.misdirected = true;
    this.#inner.onResponseStart?.(controller, status === 421 ? 400 : status, headers, text);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#ctx.end();
    this.#inner.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    // Before there is a response the promise of fetch rejects, and the mesh ends the attempt. After it, what is no error of the connection
    // is its reader's doing, who has what it wanted: that speaks against nobody.
    const failure = sendError(error, this.#ctx);
    if (this.#head) this.#ctx.end(isMeshError(failure) ? failure : undefined);
    this.#inner.onResponseError?.(controller, error);
  }

  // fetch and undici also tell a handler what was sent.
  onBodySent(...given: unknown[]): void {
    tell(this.#inner, 'onBodySent', given);
  }

  onRequestSent(...given: unknown[]): void {
    tell(this.#inner, 'onRequestSent', given);
  }

  onResponseStarted(...given: unknown[]): void {
    tell(this.#inner, 'onResponseStarted', given);
  }
}

function tell(handler: object, hook: string, given: unknown[]): void {
  const listener: unknown = Reflect.get(handler, hook);
  if (typeof listener === 'function') Reflect.apply(listener, handler, given);
}
