import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import type { Binding } from '../../core/binding.ts';
import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { TransportError } from '../../core/errors.ts';
import { verdictOfStatus } from '../../core/verdict.ts';
import { idempotentMethod } from '../idempotent.ts';
import { sendError } from '../send-error.ts';
import type { NodeAgents } from './agents.ts';
import type { ReplayBody } from './replay-body.ts';

/** A request in the words of `node:http`, to be made at whichever endpoint is picked. */
export interface NodeRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** What the client asked of `node:http`; the address in it is replaced. */
  readonly options: RequestOptions;
  readonly body: ReplayBody;
  /** Told of the request of each attempt as it is made. */
  readonly sending: (request: http.ClientRequest) => void;
}

/** Calls through `node:http`, for clients that are built on it. */
export function nodeHttpBinding(name: string, agents: NodeAgents): Binding<NodeRequest, IncomingMessage> {
  return {
    name,
    describe: ({ method, options }) => ({
      operation: method,
      idempotent: idempotentMethod(method) || hasHeader(options.headers, 'idempotency-key'),
    }),
    send: (req, ctx) => new Promise((resolve, reject) => exchange(req, ctx, agents, resolve, reject)),
    verdict: ({ statusCode }) => verdictOfStatus(statusCode ?? 0),
    header: ({ headers }, wanted) => {
      const value = headers[wanted];
      return typeof value === 'string' ? value : value?.[0];
    },
    discard: (res) => res.on('error', () => {}).resume(),
  };
}

function exchange(
  req: NodeRequest,
  ctx: Context,
  agents: NodeAgents,
  resolve: (res: IncomingMessage) => void,
  reject: (error: unknown) => void,
): void {
  const { endpoint } = ctx;
  if (endpoint === undefined) throw new Error('an attempt has an endpoint when it is sent');
  const { protocol, host, port } = endpoint;
  const { options } = req;
  const request = (protocol === 'https' ? https : http).request({
    ...options,
    protocol: `${protocol}:`,
    host,
    hostname: host,
    port,
    path: req.path,
    agent: options.agent ?? agents[protocol],
    headers: headersFor(options.headers, ctx),
  });
  let res: IncomingMessage | undefined;
  ctx.onCancel((reason) => {
    // Once there is a response its reader is told why, and not merely that the connection went away.
    res?.destroy(reason);
    request.destroy(reason);
  });
  request.on('error', (error) => {
    if (res === undefined) reject(sendError(error, ctx));
  });
  request.once('response', (response) => {
    res = response;
    attachCall(response, ctx);
    response.once('end', () => ctx.end());
    response.once('close', () =>
      ctx.end(new TransportError(ctx.target, endpoint.id, new Error('the response was cut off'))),
    );
    resolve(response);
  });
  req.sending(request);
  req.body.sendTo(request, () => {
    ctx.root.replayable = false;
  });
}

function headersFor(headers: RequestOptions['headers'], ctx: Context): http.OutgoingHttpHeaders {
  // An array of pairs or names is `node:http`'s other form of headers; the clients that are wrapped use objects.
  const all: http.OutgoingHttpHeaders = isPairs(headers) ? pairs(headers) : { ...headers };
  for (const name of Object.keys(all)) if (name.toLowerCase() === 'host') delete all[name];
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

function hasHeader(headers: RequestOptions['headers'], wanted: string): boolean {
  const names = isPairs(headers) ? headers.filter((_, i) => i % 2 === 0) : Object.keys(headers ?? {});
  return names.some((name) => name.toLowerCase() === wanted);
}
