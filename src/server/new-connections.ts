import type { IncomingMessage } from 'node:http';
import { keptForLater } from '../core/ambient.ts';

/** What came on a connection whose client is not yet known to be there; `undefined` once that was looked at. */
type Waiting = (() => void)[] | undefined;

/**
 * The connections that nothing was asked on before.
 *
 * However many wait, an event loop accepts one connection a turn (libuv#3696), so one that computes reads the first request of a burst long after it was
 * sent, when its caller may have given up. That the caller has left is read a turn after its request: whoever waits for two does not work for it.
 */
export class NewConnections {
  readonly #known = new WeakMap<object, Waiting>();

  /** Serves a request at once; on a connection that is new two turns of the event loop later, and not at all if its client has left by then. */
  serve<T>({ socket, httpVersionMajor }: IncomingMessage, serve: () => T): T | undefined {
    const waiting = this.#known.get(socket);
    // With HTTP/2 both sides have spoken before a request is served.
    if (httpVersionMajor !== 1 || (waiting === undefined && this.#known.has(socket))) return serve();
    const later = keptForLater(serve);
    if (waiting !== undefined) {
      waiting.push(() => later(undefined));
      return undefined;
    }
    const all = [() => later(undefined)];
    this.#known.set(socket, all);
    const look = () => {
      this.#known.set(socket, undefined);
      // Node ends its side as soon as it reads the end of the other, unless the server allows connections that are half open.
      if (socket.destroyed || socket.writableEnded) return;
      // Each by itself, so that what one throws reaches nobody else's request.
      for (const one of all) queueMicrotask(one);
    };
    setImmediate(() => setImmediate(look));
    return undefined;
  }
}
