import type { Binding } from '../../core/binding.ts';
import { attachCall } from '../../core/call-of.ts';
import type { Context, Description } from '../../core/context.ts';
import { CancelledError, ConfigError, isMeshError } from '../../core/errors.ts';
import { verdictOfStatus } from '../../core/verdict.ts';
import { idempotentMethod } from '../idempotent.ts';
import { isFetchFailure, sendError } from '../send-error.ts';
import type { TargetPools } from '../target-pools.ts';
import { AttemptDispatcher } from './attempt-dispatcher.ts';
import { madeFetched } from './made-response.ts';
import { replayable } from './replayable.ts';
import { type Fetch, type FetchRequest, redirectMode, requestOf, urlOf } from './request.ts';

/** What a call is, before it is known where it goes. */
export const fetchRequests = {
  describe({ input, init, method }: FetchRequest): Description {
    const headers = headersOf({ input, init });
    return {
      operation: method,
      idempotent: idempotentMethod(method) || (headers?.has('idempotency-key') ?? false),
      traceparent: headers?.get('traceparent') ?? undefined,
      tracestate: headers?.get('tracestate') ?? undefined,
    };
  },
};

/** Calls through a fetch that is built on undici: Node's own, or undici's. */
export function fetchBinding(bare: Fetch, pools: TargetPools): Binding<FetchRequest, Response> {
  return {
    name: 'fetch',
    ...fetchRequests,
    requestHeader: (req, name) => headersOf(req)?.get(name) ?? undefined,
    async send({ input, init }, ctx) {
      if (!pools.all.ready) await pools.all.load();
      const dispatcher = new AttemptDispatcher(ctx, pools);
      const given: object = {
        ...init,
        // A redirect is the wrapper's to follow: fetch would follow it out of the mesh.
        redirect: redirectMode({ input, init }) === 'error' ? 'error' : 'manual',
        // fetch leaves its listener on a signal until that is collected: the caller's never gets one. Where there is none the dispatcher
        // stops the attempt, since a signal costs a fifth of a call.
        ...(init?.signal || requestOf(input)?.signal ? { signal: signalOf(ctx) } : undefined),
        dispatcher: pools.all.forFetch(dispatcher),
      };
      try {
        const res = await bare(input, given as RequestInit); // its type has the dispatcher of the undici inside Node, not of ours
        if (!dispatcher.used) throw notUndici();
        if (dispatcher.misdirected) Reflect.defineProperty(res, 'status', { value: 421 });
        attachCall(res, ctx);
        return res;
      } catch (error) {
        const failure = sendError(error, ctx);
        // Without our dispatcher it went looking for a host of the service's name.
        const looked = isFetchFailure(error) || isMeshError(failure);
        if (!dispatcher.used && ctx.cancelled === undefined && looked) throw notUndici();
        throw failure;
      }
    },
    verdict: ({ status }) => verdictOfStatus(status),
    header: ({ headers }, name) => headers.get(name) ?? undefined,
    unread: ({ body, bodyUsed }) => body !== null && !bodyUsed && !body.locked,
    discard: (res) => {
      res.body?.cancel().catch(() => {});
    },
    http: {
      path: ({ input }) => {
        const { pathname, search } = new URL(urlOf(input));
        return pathname + search;
      },
      status: ({ status }) => status,
      respond: madeFetched,
      copy: (req) => (replayable(req.init?.body ?? requestOf(req.input)?.body) ? req : undefined),
      drain: (res) => {
        res.body?.pipeTo(new WritableStream()).catch(() => {});
      },
      whole: 'never',
    },
  };
}

function headersOf({ input, init }: Pick<FetchRequest, 'input' | 'init'>): Headers | undefined {
  return init?.headers === undefined ? requestOf(input)?.headers : new Headers(init.headers);
}

/** Aborts when the attempt is given up: with the reason of the caller's signal if it was that, so that fetch rejects with it. */
function signalOf(ctx: Context): AbortSignal {
  const controller = new AbortController();
  ctx.onCancel((error) => {
    const reason = error instanceof CancelledError ? error.cause : error;
    attachCall(reason, ctx);
    controller.abort(reason);
  });
  return controller.signal;
}

function notUndici(): ConfigError {
  return new ConfigError(
    'the fetch that was wrapped does not use undici; wrap globalThis.fetch, or the fetch of undici',
  );
}
