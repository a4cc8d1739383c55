import { replayable } from './replayable.ts';
import { type FetchRequest, redirectMode, requestOf } from './request.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Where the response to a request for `from` leads, if it is a redirect that its caller wants followed. */
export function redirectOf(res: Response, from: URL, req: FetchRequest): URL | undefined {
  if (!REDIRECTS.has(res.status) || redirectMode(req) !== 'follow') return undefined;
  const location = res.headers.get('location');
  return location === null ? undefined : (URL.parse(location, from.href) ?? undefined);
}

/**
 * The request that follows a redirect, as fetch makes it: a 303, and a POST that got a 301 or 302, becomes a GET without a body. `undefined`
 * when the body would have to be sent again and cannot be.
 */
export function redirected({ input, init, method }: FetchRequest, status: number, next: URL): FetchRequest | undefined {
  const request = requestOf(input);
  const headers = new Headers(init?.headers ?? request?.headers);
  const signal = init?.signal ?? request?.signal;
  const same: RequestInit = { ...init, method, headers, ...(signal && { signal }) };
  const becomesGet =
    status === 303 ? method !== 'GET' && method !== 'HEAD' : (status === 301 || status === 302) && method === 'POST';
  if (!becomesGet) return replayable(init?.body ?? request?.body) ? { input: next, init: same, method } : undefined;
  for (const name of [...headers.keys()]) if (name.startsWith('content-')) headers.delete(name);
  return { input: next, init: { ...same, method: 'GET', body: null }, method: 'GET' };
}
