import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { CancelledError, isMeshError } from '../../core/errors.ts';
import { InjectedFault } from '../../core/injected-fault.ts';
import { assembler } from '../assemble.ts';
import { clientError } from '../client-error.ts';
import type { PlacedFilter } from '../filter-stack.ts';
import { nextHop } from '../next-hop.ts';
import type { Parts } from '../parts.ts';
import { type IsService, serviceOf } from '../service-url.ts';
import { startCall } from '../start-call.ts';
import type { Target } from '../target.ts';
import type { Targets } from '../targets.ts';
import { fetchBinding, fetchRequests } from './binding.ts';
import { redirected, redirectOf } from './redirect.ts';
import { replayable } from './replayable.ts';
import { type Fetch, type FetchRequest, requestOf } from './request.ts';

interface FetchParts {
  readonly parts: Parts;
  readonly targets: Targets;
  readonly isService: IsService;
  readonly filters?: readonly PlacedFilter<FetchRequest, Response>[] | undefined;
}

/** As many redirects as fetch itself follows. */
const MOST_REDIRECTS = 20;

/** The same fetch, with the mesh behind URLs that name a service. A redirect within the service is followed; one that leads elsewhere is the answer. */
export function wrapFetch<F extends Fetch>(bare: F, { parts, targets, isService, filters }: FetchParts): F {
  const serviceFor = assembler(({ pools }) => fetchBinding(bare, pools), parts, filters);

  const targetOf = (service: string) => {
    try {
      return targets.of(service);
    } catch (error) {
      throw fetchFailed(error);
    }
  };
  const start = (target: Target, req: FetchRequest, before: Context | undefined): Context => {
    const { input, init } = req;
    const request = requestOf(input);
    const ctx = startCall(parts, target, fetchRequests, req, init?.signal ?? request?.signal);
    ctx.replayable = replayable(init?.body ?? request?.body);
    if (before !== undefined) nextHop(ctx, before);
    return ctx;
  };

  const wrapped = async (input: FetchRequest['input'], init?: RequestInit): Promise<Response> => {
    let url = urlOf(input);
    if (url === undefined || !isService(url)) return bare(input, init);
    const service = serviceOf(url);
    let req: FetchRequest = { input, init, method: (init?.method ?? requestOf(input)?.method ?? 'GET').toUpperCase() };
    let before: Context | undefined;
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const target = targetOf(service);
      const send = serviceFor(target);
      const ctx = start(target, req, before);
      const res = await send(req, ctx).catch((error: unknown) => {
        throw asFetchWould(error, ctx);
      });
      if (redirects > 0) Reflect.defineProperty(res, 'redirected', { value: true });
      const next = redirectOf(res, url, req);
      const following =
        next && isService(next) && serviceOf(next) === service ? redirected(req, res.status, next) : undefined;
      if (next === undefined || following === undefined) return res;
      res.body?.cancel().catch(() => {});
      [url, req, before] = [next, following, ctx];
    }
    throw fetchFailed(new Error('redirect count exceeded'));
  };
  return wrapped as F; // it takes and gives what `bare` does
}

function urlOf(input: FetchRequest['input']): URL | undefined {
  const text = typeof input === 'string' ? input : 'url' in input ? input.url : String(input);
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** What fetch rejects with: the reason of the caller's signal, its own error, or a TypeError whose cause says what happened. */
function asFetchWould(error: unknown, ctx: Context): unknown {
  if (error instanceof CancelledError && error.cause !== undefined) {
    attachCall(error.cause, ctx);
    return error.cause;
  }
  const met = clientError(error, ctx);
  if (met instanceof InjectedFault) return attached(fetchFailed(met), ctx);
  if (!isMeshError(met) || met.code === 'MESH_CONFIG') return met;
  return attached(fetchFailed(met), ctx);
}

function attached(failed: TypeError, ctx: Context): TypeError {
  attachCall(failed, ctx);
  return failed;
}

function fetchFailed(cause: unknown): TypeError {
  return new TypeError('fetch failed', { cause });
}
