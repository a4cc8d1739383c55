import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { CancelledError, isMeshError } from '../../core/errors.ts';
import { assembler } from '../assemble.ts';
import { clientError } from '../client-error.ts';
import type { Parts } from '../parts.ts';
import { type IsService, serviceOf } from '../service-url.ts';
import { startCall } from '../start-call.ts';
import type { Targets } from '../targets.ts';
import { type Fetch, type FetchRequest, fetchBinding } from './binding.ts';

interface FetchParts {
  readonly parts: Parts;
  readonly targets: Targets;
  readonly isService: IsService;
}

/** As many redirects as fetch itself follows. */
const MOST_REDIRECTS = 20;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The same fetch, with the mesh behind URLs that name a service. A redirect within the service is followed for requests without a body; one
 * that leads elsewhere is the answer.
 */
export function wrapFetch<F extends Fetch>(bare: F, { parts, targets, isService }: FetchParts): F {
  const binding = fetchBinding(bare, parts.pools);
  const serviceFor = assembler(binding, parts);

  const call = async (url: URL, input: FetchRequest['input'], init: RequestInit | undefined): Promise<Response> => {
    const target = targets.of(serviceOf(url));
    const request = typeof input === 'object' && 'method' in input ? input : undefined;
    const req: FetchRequest = { input, init, method: (init?.method ?? request?.method ?? 'GET').toUpperCase() };
    const ctx = startCall(parts, target, binding, req, init?.signal ?? request?.signal);
    ctx.replayable = replayable(init?.body ?? request?.body);
    try {
      return await serviceFor(target)(req, ctx);
    } catch (error) {
      throw asFetchWould(error, ctx);
    }
  };

  const wrapped = async (input: FetchRequest['input'], init?: RequestInit): Promise<Response> => {
    let url = urlOf(input);
    if (url === undefined || !isService(url)) return bare(input, init);
    let res = await call(url, input, init);
    for (let redirects = 0; redirects < MOST_REDIRECTS; redirects++) {
      const next = redirectOf(res, url, input, init);
      if (next === undefined || serviceOf(next) !== serviceOf(url) || !isService(next)) break;
      res.body?.cancel().catch(() => {});
      url = next;
      res = await call(url, url, init);
    }
    return res;
  };
  return wrapped as F; // it takes and gives what `bare` does
}

function urlOf(input: FetchRequest['input']): URL | undefined {
  const text = typeof input === 'string' ? input : 'url' in input ? input.url : String(input);
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** A stream can be read once; all other bodies can be sent again as they are. */
function replayable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  return (
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body)
  );
}

/** Where a redirect that may be followed leads. Only requests that are the same wherever they go are: GET and HEAD, given by URL. */
function redirectOf(
  res: Response,
  from: URL,
  input: FetchRequest['input'],
  init: RequestInit | undefined,
): URL | undefined {
  const method = init?.method?.toUpperCase() ?? 'GET';
  if (!REDIRECTS.has(res.status) || init?.redirect === 'manual' || (typeof input === 'object' && 'method' in input))
    return undefined;
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const location = res.headers.get('location');
  return location !== null && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
}

/** What fetch rejects with: the reason of the caller's signal, its own error, or a TypeError whose cause says what happened. */
function asFetchWould(error: unknown, ctx: Context): unknown {
  if (error instanceof CancelledError && error.cause !== undefined) {
    attachCall(error.cause, ctx);
    return error.cause;
  }
  const met = clientError(error, ctx);
  if (!isMeshError(met) || met.code === 'MESH_CONFIG') return met;
  const failed = new TypeError('fetch failed', { cause: met });
  attachCall(failed, ctx);
  return failed;
}
