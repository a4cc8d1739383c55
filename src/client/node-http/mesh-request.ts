import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Context } from '../../core/context.ts';
import { CancelledError } from '../../core/errors.ts';
import { clientError } from '../client-error.ts';
import type { ReplayBody } from './replay-body.ts';

/** What comes before a response, and is passed on as it comes. */
const PASSED_ON = ['continue', 'information', 'timeout'];

/**
 * What a client built on `node:http` gets in place of a `ClientRequest`: one call through the mesh, however many requests it takes. Its
 * body is written to it, and it emits `socket`, `response`, `error` and `close` as the original would.
 */
export class MeshRequest extends Writable {
  /** The response, once it is there, under the name that `node:http` gives it. */
  res: IncomingMessage | undefined;
  /** The connection of the latest attempt. */
  socket: Socket | undefined;
  /** Whether the connection had been used before. */
  reusedSocket = false;
  readonly #body: ReplayBody;
  #ctx: Context | undefined;
  /** The request of the latest attempt. */
  #request: ClientRequest | undefined;
  #idleMs = 0;

  constructor(body: ReplayBody) {
    // A request is over when its response is, not when its body is sent.
    super({ autoDestroy: false });
    this.#body = body;
  }

  /** Takes over the outcome of the call that it stands for. */
  settle(ctx: Context, outcome: Promise<IncomingMessage>): void {
    this.#ctx = ctx;
    outcome.then(
      (res) => this.#respond(res),
      (error: unknown) => this.destroy(clientError(error, ctx)),
    );
  }

  /** Follows the request of another attempt. Only the first connection is announced. */
  follow(request: ClientRequest): void {
    this.#request = request;
    if (this.#idleMs > 0) request.setTimeout(this.#idleMs);
    for (const event of PASSED_ON) request.on(event, (...given: unknown[]) => this.emit(event, ...given));
    request.once('socket', (socket) => {
      const first = this.socket === undefined;
      this.socket = socket;
      this.reusedSocket = request.reusedSocket;
      if (first) this.emit('socket', socket);
    });
  }

  /**
   * Told that the attempt with this response is given up. Its reader learns why before it learns that the response broke off, which a
   * client could take for the whole story.
   */
  cut(res: IncomingMessage, reason: Error): void {
    if (res === this.res) this.destroy(reason);
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    this.#body.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.#body.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#ctx?.cancel(new CancelledError(this.#ctx.target, error ?? undefined));
    this.#body.settle();
    done(error);
  }

  /** As `ClientRequest.abort`. */
  abort(): void {
    this.destroy();
  }

  /** As `ClientRequest.setTimeout`: for the connection of each attempt. */
  setTimeout(ms: number, listener?: () => void): this {
    this.#idleMs = ms;
    if (listener !== undefined) this.once('timeout', listener);
    this.#request?.setTimeout(ms);
    return this;
  }

  /** Accepted and ignored, as the next: the mesh keeps the connections. */
  setNoDelay(): void {}

  setSocketKeepAlive(): void {}

  #respond(res: IncomingMessage): void {
    if (this.destroyed) {
      res.destroy();
      return;
    }
    this.res = res;
    this.#body.settle();
    res.once('close', () => this.destroy());
    if (!this.emit('response', res)) res.resume();
  }
}
