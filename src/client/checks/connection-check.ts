import net from 'node:net';
import type { Finding } from '../../balancer/checker.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import { messageOf } from '../../core/errors.ts';
import type { CheckScope } from './check-scope.ts';

/** Whether a TCP connection can be made. */
export function checkConnection({ host, port }: Endpoint, timeoutMs: number, scope: CheckScope): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, lookup: scope.lookup }).unref();
    scope.opened(socket, (done) => socket.once('close', done));
    const timer = scope.clock.background(timeoutMs, () => {
      socket.destroy(new Error(`no connection within ${timeoutMs} ms`));
    });
    socket.once('connect', () => {
      resolve({ found: 'well', reason: 'connected' });
      socket.destroy();
    });
    socket.once('error', (error) => resolve({ found: 'unreachable', reason: messageOf(error) }));
    socket.once('close', () => {
      timer.cancel();
      resolve({ found: 'unreachable', reason: 'given up' }); // without effect after any of the above
    });
  });
}
