import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { nodeOf } from '../../balancer/node.ts';
import type { Binding } from '../../core/binding.ts';
import { attachCall } from '../../core/call-of.ts';
import type { Clock } from '../../core/clock.ts';
import type { Context, Description } from '../../core/context.ts';
import { ConfigError, TransportError } from '../../core/errors.ts';
import { verdictOfStatus } from '../../core/verdict.ts';
import { CONNECT_TIMEOUT_MS } from '../connect-timeout.ts';
import { idempotentMethod } from '../idempotent.ts';
import { ownHeader } from '../own-header.ts';
import { sendError } from '../send-error.ts';
import type { Agents } from './agents.ts';
import { bodilessCopy } from './bodiless-copy.ts';
import { madeMessage } from './made-response.ts';
import type { NodeRequest } from './node-request.ts';
import type { TargetAgents } from './target-agents.ts';

/** What a call is, before it is known where it goes. */
export const nodeRequests = {
  describe: ({ method, options }: NodeRequest): Description => ({
    operation: method,
    idempotent: idempotentMethod(method) || headerOf(options.headers, 'idempotency-key') !== undefined,
    traceparent: headerOf(options.headers, 'traceparent'),
    tracestate: headerOf(options.headers, 'tracestate'),
  }),
};

/** Calls through `node:http`, for clients that are built on it. */
export function nodeHttpBinding(
  name: string,
  sockets: TargetAgents,
  clock: Clock,
): Binding<NodeRequest, IncomingMessage> {
  const over = { sockets, agents: sockets.agents, clock };
  return {
    name,
    ...nodeRequests,
    requestHeader: ({ options }, name) => headerOf(options.headers, name),
    send: (req, ctx) => new Promise((resolve, reject) => exchange(req, ctx, over, resolve, reject)),
    verdict: ({ statusCode }) => verdictOfStatus(statusCode ?? 0),
    header: ({ headers }, wanted) => {
      const value = headers[wanted];
      return typeof value === 'string' ? value : value?.[0];
    },
    discard(res) {
      // The rest of a body that another attempt now sends will not come here.
      if (requestOf(res)?.writableFinished === false) res.destroy();
      else res.on('error', () => {}).resume();
    },
    http: {
      path: ({ path }) => path,
      status: ({ statusCode }) => statusCode ?? 0,
      respond: madeMessage,
      copy: bodilessCopy,
      drain: (res) => res.on('error', () => {}).resume(),
      whole: 'never',
    },
  };
}

/** The request that was answered. Node leaves it on the response, undocumented; the types do not know it. */
function requestOf(res: IncomingMessage): http.ClientRequest | undefined {
  const request: unknown = Reflect.get(res, 'req');
  return request instanceof http.ClientRequest ? request : undefined;
}

/** What requests are sent over. */
interface Over {
  readonly sockets: TargetAgents;
  readonly agents: Agents;
  readonly clock: Clock;
}

function exchange(
  req: NodeRequest,
  ctx: Context,
  { sockets, agents, clock }: Over,
  resolve: (res: IncomingMessage) => void,
  reject: (error: unknown) => void,
): void {
  const { endpoint } = ctx;
  if (endpoint === undefined) throw new Error('an attempt has an endpoint when it is sent');
  const { protocol, host, port } = endpoint;
  const { options } = req;
  if (req.method === 'CONNECT' || headerOf(options.headers, 'upgrade') !== undefined)
    throw new ConfigError(`the call to '${ctx.target}' cannot be sent: the mesh carries calls, and no other protocols`);
  const asked: https.RequestOptions = {
    ...options,
    protocol: `${protocol}:`,
    host,
    hostname: host,
    port,
    path: req.path,
    agent: options.agent ?? agents[protocol],
    lookup: agents.lookup(options.lookup),
    headers: headersFor(options.headers, ctx),
  };
  const request = (protocol === 'https' ? https : http).request(asked);
  if (options.agent === undefined) sockets.sent({ endpoint }, asked);
  let res: IncomingMessage | undefined;
  ctx.onCancel((reason) => {
    if (res === undefined) {
      request.destroy(reason);
      return;
    }
    req.cut(res, reason);
    const cut = res;
    process.nextTick(() => cut.destroy(reason));
  });
  request.on('error', (error) => {
    request.destroy(); // nothing more of the body is for this request
    if (res === undefined) reject(sendError(error, ctx));
  });
  // Without a listener Node closes the connection and says nothing.
  request.once('upgrade', (_response, socket) => {
    socket.destroy();
    reject(new TransportError(ctx.target, endpoint.id, new Error('it switched to another protocol unasked')));
  });
  request.once('socket', (socket) => whenConnected(socket, request, clock, () => req.body.connected(request)));
  request.once('response', (response) => {
    res = response;
    const keeps = agents.kept.keeps(response.socket, response.headers['keep-alive'], nodeOf(ctx));
    if (!keeps) request.shouldKeepAlive = false;
    attachCall(response, ctx);
    response.once('end', () => ctx.end());
    // Heard before the reader does and gives the rest up. With the connection still there, it is the reader who breaks off.
    response.once('aborted', () => ctx.end(request.socket?.destroyed ? cutOff(ctx) : undefined));
    response.once('close', () => {
      if (!ctx.ended) ctx.end(cutOff(ctx));
    });
    resolve(response);
  });
  req.sending(request);
  req.body.sendTo(request, () => {
    ctx.root.replayable = false;
  });
}

function cutOff({ target, endpoint }: Context): TransportError {
  return new TransportError(target, endpoint?.id, new Error('the response was cut off'));
}

/** Calls `connected` when the connection stands, and gives the request up when that takes too long: `node:http` has no limit for it. */
function whenConnected(socket: Socket, request: http.ClientRequest, clock: Clock, connected: () => void): void {
  // One for TLS is connected long before it stands. The types of Node do not know the second.
  const securing = 'secureConnecting' in socket && socket.secureConnecting === true;
  if (!socket.connecting && !securing) {
    connected();
    return;
  }
  const timer = clock.after(CONNECT_TIMEOUT_MS, () => {
    const error = new Error(`connect ETIMEDOUT after ${CONNECT_TIMEOUT_MS} ms`);
    request.destroy(Object.assign(error, { code: 'ETIMEDOUT', syscall: 'connect' }));
  });
  socket.once(securing ? 'secureConnect' : 'connect', () => {
    timer.cancel();
    connected();
  });
  socket.once('close', () => timer.cancel());
}

function headersFor(headers: RequestOptions['headers'], ctx: Context): http.OutgoingHttpHeaders {
  // An array of pairs or names is `node:http`'s other form of headers; the clients that are wrapped use objects.
  const all: http.OutgoingHttpHeaders = isPairs(headers) ? pairs(headers) : { ...headers };
  for (const name of Object.keys(all)) if (ownHeader(name)) delete all[name];
  all['host'] = ctx.target;
  for (let i = 0; i < ctx.headers.length; i += 2) all[ctx.headers[i] ?? ''] = ctx.headers[i + 1];
  return all;
}

function isPairs(headers: RequestOptions['headers']): headers is readonly string[] {
  return Array.isArray(headers);
}

function pairs(headers: readonly string[]): http.OutgoingHttpHeaders {
  const all: http.OutgoingHttpHeaders = {};
  for (let i = 0; i + 1 < headers.length; i += 2) all[headers[i] ?? ''] = headers[i + 1];
  return all;
}

/** A header by its lower-case name. */
function headerOf(headers: RequestOptions['headers'], wanted: string): string | undefined {
  const all = isPairs(headers) ? pairs(headers) : headers;
  for (const name in all) {
    if (name.length === wanted.length && name.toLowerCase() === wanted) return String(all[name]);
  }
  return undefined;
}
