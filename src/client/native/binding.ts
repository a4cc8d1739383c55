import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { nodeOf } from '../../balancer/node.ts';
import type { Binding } from '../../core/binding.ts';
import type { Context, Description } from '../../core/context.ts';
import { verdictOfStatus } from '../../core/verdict.ts';
import type { TargetPools } from '../target-pools.ts';
import { Exchange } from './exchange.ts';
import { madeNative, madeStream } from './made-response.ts';
import { bodyFailed, nativeError } from './native-error.ts';
import type { NativeRequest } from './request.ts';
import type { NativeResponse } from './response.ts';
import { StreamedExchange, type StreamedResponse } from './streamed-exchange.ts';
import { wholeNative } from './whole.ts';

/** Calls over undici's connections with the body gathered. */
export function bufferedBinding(pools: TargetPools): Binding<NativeRequest, NativeResponse> {
  return {
    ...common('native'),
    send: (req, ctx) =>
      new Promise((resolve, reject) => dispatch(pools, req, ctx, new Exchange(ctx, resolve, reject), reject)),
    discard: () => {},
    http: { ...http, respond: madeNative, drain: () => {}, whole: wholeNative },
  };
}

/** Calls over undici's connections with the body streamed. */
export function streamedBinding(pools: TargetPools): Binding<NativeRequest, StreamedResponse> {
  return {
    ...common('native-stream'),
    send: (req, ctx) =>
      new Promise((resolve, reject) => dispatch(pools, req, ctx, new StreamedExchange(ctx, resolve, reject), reject)),
    unread: ({ body }) => body.readableLength > 0 && !body.readableDidRead,
    discard: ({ body }) => body.on('error', () => {}).destroy(),
    http: { ...http, respond: madeStream, drain: ({ body }) => body.resume(), whole: 'stream' },
  };
}

/** What a call is, before it is known where it goes. */
export const nativeRequests = {
  describe: ({ method, idempotent, body, traceparent, tracestate }: NativeRequest): Description => ({
    operation: method,
    idempotent,
    streamed: body instanceof Readable,
    traceparent,
    tracestate,
  }),
};

const http = {
  path: ({ path }: NativeRequest) => path,
  copy: (req: NativeRequest) => (req.body instanceof Readable ? undefined : req),
  status: ({ status }: { readonly status: number }) => status,
};

function common(name: string) {
  return {
    name,
    ...nativeRequests,
    requestHeader: ({ headers }: NativeRequest, name: string) => {
      for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === name) return headers[i + 1];
      return undefined;
    },
    verdict: ({ status }: { readonly status: number }) => verdictOfStatus(status),
    header: ({ headers }: Pick<NativeResponse, 'headers'>, name: string) => {
      const value = headers[name];
      return typeof value === 'string' ? value : value?.[0];
    },
  };
}

function dispatch(
  pools: TargetPools,
  req: NativeRequest,
  ctx: Context,
  exchange: Dispatcher.DispatchHandler,
  reject: (error: unknown) => void,
): void {
  if (!pools.all.ready) {
    pools.all.load().then(() => dispatch(pools, req, ctx, exchange, reject), reject);
    return;
  }
  const body = req.body instanceof Readable ? streamOf(req.body, ctx) : req.body;
  try {
    pools.of(nodeOf(ctx)).dispatch(
      {
        path: req.path,
        method: req.method as Dispatcher.HttpMethod, // undici sends any token; its type lists the usual ones
        headers: pools.headers(['host', ctx.target, ...req.headers, ...ctx.headers]),
        body: body ?? null,
      },
      exchange,
    );
  } catch (error) {
    reject(nativeError(error, ctx));
  }
}

/** undici destroys a stream whose connection was refused; given its content instead, it leaves the stream for the next attempt. */
function streamOf(body: Readable, { attempt, root }: Context): Readable {
  if (attempt === 1) {
    body.on('error', () => {}); // whoever reads it is told
    root.onEnd(() => body.destroy());
  }
  return sentOnce(body, root) as unknown as Readable; // undici takes any async iterable; its type says streams
}

async function* sentOnce(body: Readable, call: Context): AsyncGenerator<unknown> {
  call.replayable = false;
  try {
    yield* body;
  } catch (error) {
    bodyFailed(error);
    throw error;
  }
}
