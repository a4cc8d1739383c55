import type { Writable } from 'node:stream';

/** Bodies up to this size are kept while they are sent, so that a retry can send them again. */
const MOST_KEPT_BYTES = 64 * 1024;

type Done = () => void;

interface Piece {
  readonly chunk: Buffer | string;
  readonly encoding: BufferEncoding;
}

/**
 * The body of a request as its caller writes it: passed on to the attempt under way, and kept for the next one up to 64 KiB. What is beyond
 * that waits for an attempt that has a connection; once it is sent, what was kept is dropped and the request can no longer be sent again.
 */
export class ReplayBody {
  #kept: Piece[] | undefined = [];
  #size = 0;
  #ended = false;
  #sink: Writable | undefined;
  /** Whether the sink has a connection. */
  #connected = false;
  #outgrown: () => void = () => {};
  /** The first piece that is too much to be kept, while there is nobody to send it to; its writer waits. */
  #held: { readonly piece: Piece; readonly done: Done } | undefined;

  write(chunk: Buffer | string, encoding: BufferEncoding, done: Done): void {
    const piece = { chunk, encoding };
    this.#size += Buffer.byteLength(chunk, encoding);
    if (this.#kept === undefined) {
      this.#send(piece, done);
    } else if (this.#size <= MOST_KEPT_BYTES) {
      // Its writer need not wait for an attempt that may fail: the piece is in good hands.
      this.#kept.push(piece);
      if (this.#sink?.destroyed === false) this.#sink.write(chunk, encoding);
      done();
    } else {
      this.#held = { piece, done };
      if (this.#connected && this.#sink?.destroyed === false) this.#outgrow();
    }
  }

  end(): void {
    this.#ended = true;
    if (this.#sink?.destroyed === false) this.#sink.end();
  }

  /** Sends to this request from now on, from the beginning. `outgrown` is called when the body can no longer be sent again. */
  sendTo(sink: Writable, outgrown: () => void): void {
    this.#sink = sink;
    this.#connected = false;
    this.#outgrown = outgrown;
    for (const piece of this.#kept ?? []) sink.write(piece.chunk, piece.encoding);
    if (this.#ended) sink.end();
  }

  /** Told that this request has a connection now, so that what is sent to it leaves the process. */
  connected(sink: Writable): void {
    if (sink !== this.#sink) return;
    this.#connected = true;
    if (this.#held !== undefined && !sink.destroyed) this.#outgrow();
  }

  /** Told that there will be no other attempt: nothing is kept any more, and no writer waits in vain. */
  settle(): void {
    this.#kept = undefined;
    this.#sendHeld();
  }

  #outgrow(): void {
    this.#kept = undefined;
    this.#outgrown();
    this.#sendHeld();
  }

  #sendHeld(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#send(held.piece, held.done);
  }

  /** A write that fails is told by the attempt; the writer of the body is only held back while it is under way. */
  #send({ chunk, encoding }: Piece, done: Done): void {
    if (this.#sink?.destroyed === false) this.#sink.write(chunk, encoding, () => done());
    else done();
  }
}
