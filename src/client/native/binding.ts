import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Binding } from '../../core/binding.ts';
import type { Context } from '../../core/context.ts';
import { verdictOfStatus } from '../../core/verdict.ts';
import type { EndpointPools } from '../pools.ts';
import { Exchange } from './exchange.ts';
import { bodyFailed, nativeError } from './native-error.ts';
import type { NativeRequest } from './request.ts';
import type { NativeResponse } from './response.ts';
import { StreamedExchange, type StreamedResponse } from './streamed-exchange.ts';

/** Calls over undici's connections with the body gathered. */
export function bufferedBinding(pools: EndpointPools): Binding<NativeRequest, NativeResponse> {
  return {
    ...common('native'),
    send: (req, ctx) =>
      new Promise((resolve, reject) => dispatch(pools, req, ctx, new Exchange(ctx, resolve, reject), reject)),
    discard: () => {},
  };
}

/** Calls over undici's connections with the body streamed. */
export function streamedBinding(pools: EndpointPools): Binding<NativeRequest, StreamedResponse> {
  return {
    ...common('native-stream'),
    send: (req, ctx) =>
      new Promise((resolve, reject) => dispatch(pools, req, ctx, new StreamedExchange(ctx, resolve, reject), reject)),
    discard: ({ body }) => body.on('error', () => {}).destroy(),
  };
}

function common(name: string) {
  return {
    name,
    describe: ({ method, idempotent, body, traceparent, tracestate }: NativeRequest) => ({
      operation: method,
      idempotent,
      streamed: body instanceof Readable,
      traceparent,
      tracestate,
    }),
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
  pools: EndpointPools,
  req: NativeRequest,
  ctx: Context,
  exchange: Dispatcher.DispatchHandler,
  reject: (error: unknown) => void,
): void {
  if (!pools.ready) {
    pools.load().then(() => dispatch(pools, req, ctx, exchange, reject), reject);
    return;
  }
  const { endpoint } = ctx;
  if (endpoint === undefined) throw new Error('an attempt has an endpoint when it is sent');
  const body = req.body instanceof Readable ? streamOf(req.body, ctx) : req.body;
  try {
    pools.of(endpoint).dispatch(
      {
        path: req.path,
        method: req.method as Dispatcher.HttpMethod, // undici sends any token; its type lists the usual ones
        headers: ['host', ctx.target, ...req.headers, ...ctx.headers],
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
