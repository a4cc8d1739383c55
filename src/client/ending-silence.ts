import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { Clock } from '../core/clock.ts';

/** How often a server of HTTP/2 is asked whether it is still there. */
export const PING_MS = 5_000;

/** Looks in a row that found nothing new. One may be this process having stood still: it finds that time is up before it finds what came. */
const MOST_SILENT = 2;

/**
 * Closes a connection that it made when the server says nothing any more, not even that it got a ping: its machine died, or something on the way
 * forgot the connection. Over HTTP/1.1 an attempt that runs out of time takes its connection with it; over HTTP/2 it takes only its stream, and all
 * calls would go on being lost until the system gives up, after a quarter of an hour.
 */
export function endingSilence(connect: buildConnector.connector, clock: Clock): buildConnector.connector {
  return (options, done) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) {
        done(error, null);
        return;
      }
      if (speaksHttp2(socket)) watch(socket, clock);
      done(null, socket);
    });
  };
}

/** undici, too, goes by this. */
export function speaksHttp2(socket: Socket): boolean {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
}

function watch(socket: Socket, clock: Clock): void {
  let heard = socket.bytesRead;
  /** What had been sent when something was heard last. */
  let sent = socket.bytesWritten;
  let silent = 0;
  const look = () => {
    if (socket.bytesRead !== heard) {
      heard = socket.bytesRead;
      sent = socket.bytesWritten;
      silent = 0;
    } else if (socket.bytesWritten !== sent) {
      silent++;
    }
    if (silent < MOST_SILENT) timer = clock.background(PING_MS, look);
    else socket.destroy(Object.assign(new Error('the server fell silent'), { code: 'ETIMEDOUT' }));
  };
  let timer = clock.background(PING_MS, look);
  socket.once('close', () => timer.cancel());
}
