import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Calls `ended` once, when a response is over: sent to its end, or its client went away. At once if that was so before.
 *
 * A response that waits behind another one on its connection (HTTP pipelining) is told nothing by Node 22 when the client goes away:
 * neither it nor its request emits `close`. Only the connection does, so a client could fill the memory by leaving.
 */
export function onResponseEnd(req: IncomingMessage, res: ServerResponse, ended: () => void): void {
  const { socket } = req;
  if (res.closed || socket.closed) {
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
