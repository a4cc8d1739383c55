import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import type { Context } from '../../core/context.ts';
import { CancelledError } from '../../core/errors.ts';
import { clientError } from '../client-error.ts';
import type { ReplayBody } from './replay-body.ts';

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

  /** Takes the connection of an attempt for that of the call; only the first is announced. */
  follow(request: ClientRequest): void {
    request.once('socket', (socket) => {
      const first = this.socket === undefined;
      this.socket = socket;
      this.reusedSocket = request.reusedSocket;
      if (first) this.emit('socket', socket);
    });
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
    done(error);
  }

  /** As `ClientRequest.abort`. */
  abort(): void {
    this.destroy();
  }

  /** Accepted and ignored, as the next two: the mesh keeps the time and the connections. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): void {}

  setSocketKeepAlive(): void {}

  #respond(res: IncomingMessage): void {
    if (this.destroyed) {
      res.destroy();
      return;
    }
    this.res = res;
    res.once('close', () => this.destroy());
    if (!this.emit('response', res)) res.resume();
  }
}
