import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { onResponseEnd } from './response-end.ts';

/** The methods that servers of `node:http` and `node:https` have beyond those of `node:net`. */
type Closable = Server & { closeAllConnections?(): void };

/**
 * Stops a server so that no client loses a request.
 *
 *     open ──notice()──▶ notice ──finish()──▶ finish ──▶ closed
 *
 * In `notice` the server goes on accepting, and every response says `Connection: close`, so that clients move to new connections and,
 * once they know, elsewhere. In `finish` the port is closed and what is in flight ends. It needs to follow the responses from the
 * beginning, since nothing else tells which are in flight.
 */
export class ServerDrain {
  readonly #server: Closable;
  readonly #onClosed: () => void;
  readonly #unfinished = new Set<ServerResponse>();
  /** Connections of HTTP/2. They last as long as their clients like: Node 22 closes the port without them, and no Node cuts them. */
  readonly #sessions = new Set<Http2Session>();
  #state: 'open' | 'notice' | 'finish' | 'closed' = 'open';

  /** Calls `onClosed` when the server has closed, whoever closed it. Whatever `server` is, it is changed only by listeners. */
  constructor(server: Server, onClosed: () => void) {
    this.#server = server;
    this.#onClosed = onClosed;
    server.prependListener('request', this.#follow);
    server.on('session', this.#keep);
    server.once('close', this.#closed);
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** Tells clients on every response from now on, also on those begun before, that the connection ends with it. */
  notice(): void {
    if (this.#state !== 'open') return;
    this.#state = 'notice';
    // Of several responses that wait on one connection only the last may end it, or the others would be lost.
    const last = new Map<Socket, ServerResponse>();
    for (const res of this.#unfinished) last.set(res.req.socket, res);
    for (const res of last.values()) sayClose(res);
  }

  /** Closes the port and resolves when no connection is left, or when those left were cut after `finishMs`. */
  finish(finishMs: number, clock: Clock): Promise<void> {
    if (this.#state === 'closed') return Promise.resolve();
    this.#state = 'finish';
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#server.off('close', done);
        resolve();
      };
      const timer = clock.after(finishMs, () => {
        if (this.#server.listening) this.#server.close();
        this.#server.closeAllConnections?.();
        for (const session of this.#sessions) session.destroy();
        // Connections that were upgraded are no longer the server's; it will not close before they do.
        done();
      });
      this.#server.once('close', done);
      // What is under way on them ends as it would have; what comes after it is refused as not worked on.
      for (const session of this.#sessions) session.close();
      this.#closePort();
    });
  }

  /** Removes all that it put on the server. */
  release(): void {
    this.#server.off('request', this.#follow);
    this.#server.off('session', this.#keep);
    this.#server.off('close', this.#closed);
  }

  readonly #closed = (): void => {
    this.#state = 'closed';
    this.#onClosed();
  };

  readonly #keep = (session: Http2Session): void => {
    if (this.#sessions.has(session)) return;
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    if (this.#state === 'finish') session.close();
  };

  readonly #follow = (req: IncomingMessage, res: ServerResponse): void => {
    // One may be older than this.
    const session = sessionOf(req);
    if (session !== undefined) this.#keep(session);
    this.#unfinished.add(res);
    onResponseEnd(req, res, () => this.#ended(res));
    if (this.#state !== 'open') sayClose(res);
  };

  #ended(res: ServerResponse): void {
    this.#unfinished.delete(res);
    if (this.#state !== 'finish') return;
    this.#closePort();
    // A response whose head was out before the notice left its connection open for a next request, which may not come any more.
    const { socket, httpVersionMajor } = res.req;
    if (httpVersionMajor === 1 && !this.#some((other) => other.req.socket === socket)) socket.end();
  }

  /**
   * Closes the port, but not while a response is on its way out: `close` of Node cuts connections whose response has been given its end,
   * even when most of it still waits for a slow client.
   */
  #closePort(): void {
    if (this.#server.listening && !this.#some((res) => res.writableEnded && !res.writableFinished))
      this.#server.close();
  }

  #some(test: (res: ServerResponse) => boolean): boolean {
    for (const res of this.#unfinished) if (test(res)) return true;
    return false;
  }
}

/** The connection of a request of HTTP/2, while it has one. */
function sessionOf(req: IncomingMessage): Http2Session | undefined {
  return 'stream' in req ? (req.stream as ServerHttp2Stream).session : undefined; // nothing else has one
}

/** HTTP/2 knows no such header, and has its own way to say so. */
function sayClose(res: ServerResponse): void {
  if (!res.headersSent && res.req.httpVersionMajor === 1) res.setHeader('connection', 'close');
}
