import type { Writable } from 'node:stream';

/** Bodies up to this size are kept while they are sent, so that a retry can send them again. */
const MOST_KEPT_BYTES = 64 * 1024;

type Done = () => void;

interface Piece {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

/**
 * The body of a request as its caller writes it: passed on to the attempt under way, and kept for the next one up to 64 KiB. Once it is
 * longer, what was kept is dropped and the request can no longer be sent again.
 */
export class ReplayBody {
  #kept: Piece[] | undefined = [];
  #size = 0;
  #ended = false;
  #sink: Writable | undefined;
  #outgrown: () => void = () => {};
  /** A piece that there is no room to keep and nobody to send to yet; its writer waits. */
  #held: { readonly piece: Piece; readonly done: Done } | undefined;

  write(chunk: Buffer | string, encoding: BufferEncoding, done: Done): void {
    const piece = { chunk, encoding };
    this.#size += Buffer.byteLength(chunk, encoding);
    const sink = this.#sink;
    if (this.#size <= MOST_KEPT_BYTES) {
      this.#kept?.push(piece);
      if (sink === undefined) done();
      else send(sink, piece, done);
      return;
    }
    if (sink === undefined) {
      this.#held = { piece, done };
      return;
    }
    this.#outgrow();
    send(sink, piece, done);
  }

  end(): void {
    this.#ended = true;
    this.#sink?.end();
  }

  /** Sends to this request from now on, from the beginning. `outgrown` is called when the body can no longer be sent again. */
  sendTo(sink: Writable, outgrown: () => void): void {
    this.#sink = sink;
    this.#outgrown = outgrown;
    for (const piece of this.#kept ?? []) sink.write(piece.chunk, piece.encoding);
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      this.#outgrow();
      send(sink, held.piece, held.done);
    }
    if (this.#ended) sink.end();
  }

  #outgrow(): void {
    if (this.#kept === undefined) return;
    this.#kept = undefined;
    this.#outgrown();
  }
}

/** A write that fails is told by the attempt; the writer of the body is only held back while it is under way. */
function send(sink: Writable, { chunk, encoding }: Piece, done: Done): void {
  sink.write(chunk, encoding, () => done());
}
