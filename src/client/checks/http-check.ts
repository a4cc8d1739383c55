import http from 'node:http';
import https from 'node:https';
import type { ResolvedChecks } from '../../balancer/check-options.ts';
import type { Finding } from '../../balancer/checker.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import { messageOf } from '../../core/errors.ts';
import { ofOverload } from '../../core/nack.ts';
import type { CheckScope } from './check-scope.ts';

interface Question extends Pick<ResolvedChecks, 'method' | 'status' | 'timeoutMs'> {
  readonly path: string;
}

/** Whether a request is answered as it should be, over HTTP/1.1. The body of the answer is not waited for. */
export function checkHttp(endpoint: Endpoint, question: Question, scope: CheckScope): Promise<Finding> {
  const { protocol, host, port, service } = endpoint;
  const { path, method, status, timeoutMs } = question;
  return new Promise((resolve) => {
    const request = (protocol === 'https' ? https : http).request({
      protocol: `${protocol}:`,
      host,
      port,
      path,
      method,
      agent: false,
      lookup: scope.lookup,
      headers: { host: service, 'mesh-caller': scope.caller, 'mesh-target': service },
    });
    let connected = false;
    scope.opened(request, (done) => request.once('close', done));
    const timer = scope.clock.background(timeoutMs, () => {
      request.destroy(new Error(`no answer within ${timeoutMs} ms`));
    });
    request.once('socket', (socket) => {
      socket.unref(); // the process does not wait for it
      // Who cannot prove to be the service is not there, as for calls.
      socket.once(protocol === 'https' ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    request.once('response', (response) => {
      resolve(findingOf(response, status));
      response.on('error', () => {}).resume();
    });
    request.on('error', (error) => resolve({ found: connected ? 'failing' : 'unreachable', reason: messageOf(error) }));
    request.once('close', () => {
      timer.cancel();
      resolve({ found: 'failing', reason: 'given up' }); // without effect after any of the above
    });
    request.end();
  });
}

function findingOf({ statusCode = 0, headers }: http.IncomingMessage, wanted: ResolvedChecks['status']): Finding {
  const reason = `answered ${statusCode}`;
  const nack = headers['mesh-nack'];
  if (nack === 'misdirected') return { found: 'unreachable', reason: 'somebody else is there' };
  if (ofOverload(nack)) return { found: 'refused', reason: `${reason}, ${nack}` };
  const well = wanted === '2xx' ? statusCode >= 200 && statusCode < 300 : statusCode === wanted;
  return { found: well ? 'well' : 'failing', reason };
}
