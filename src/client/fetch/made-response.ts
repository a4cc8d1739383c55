import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import type { MadeResponse } from '../../core/http-binding.ts';
import { type FetchRequest, urlOf } from './request.ts';

/** Statuses whose responses have no body, and that a Response refuses one for. */
const BODILESS = new Set([204, 205, 304]);

/** A Response that no server gave, which says the URL that was asked. */
export function madeFetched({ status, headers, body }: MadeResponse, { input }: FetchRequest, ctx: Context): Response {
  const all = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === 'string' ? [value] : (value ?? [])) all.append(name, one);
  }
  const res = new Response(BODILESS.has(status) ? null : new Uint8Array(body), { status, headers: all });
  Reflect.defineProperty(res, 'url', { value: urlOf(input) });
  attachCall(res, ctx);
  return res;
}
