import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/**
 * Calls `ended` once, when a response is over: sent to its end, or its client went away. At once if that was so before.
 *
 * A response that waits behind another one on its connection (HTTP pipelining) is told nothing by Node 22 when the client goes away:
 * neither it nor its request emits `close`. Only the connection does, so a client could fill the memory by leaving.
 */
export function onResponseEnd(req: IncomingMessage, res: ServerResponse, ended: () => void): void {
  const { socket } = req;
  // A stream of HTTP/2 that was closed before has no socket any more, and says nothing again; one of HTTP/1 that waits has none yet, which is null.
  if (res.closed || socket.closed || res.socket === undefined) {
    ended();
    return;
  }
  if (res.socket !== null) {
    res.once('close', ended);
    return;
  }
  const once = () => {
    res.removeListener('close', once);
    socket.removeListener('close', once);
    ended();
  };
  res.on('close', once);
  socket.on('close', once);
}

/**
 * What tells whether a response was given its end. Over HTTP/2 that can also be done to its stream, past the response; and a stream that its client
 * reset before looks as if it were ended, but for the flag that it was aborted.
 */
export function endOf(res: ServerResponse): { readonly writableEnded: boolean } {
  if (!('stream' in res)) return res;
  const stream = res.stream as ServerHttp2Stream; // nothing else has one
  return {
    get writableEnded() {
      return res.writableEnded || (stream.writableEnded && !stream.aborted);
    },
  };
}
