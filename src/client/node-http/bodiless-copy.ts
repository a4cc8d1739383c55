import type { NodeRequest } from './node-request.ts';
import { ReplayBody } from './replay-body.ts';

/** The same request, told to nobody; `undefined` when it may have a body, which is written only once. */
export function bodilessCopy(req: NodeRequest): NodeRequest | undefined {
  const { method, options } = req;
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return undefined;
  const names = Object.keys(options.headers ?? {}).map((name) => name.toLowerCase());
  if (Array.isArray(options.headers) || names.includes('content-length') || names.includes('transfer-encoding'))
    return undefined;
  const body = new ReplayBody();
  body.end();
  // Whoever gives up the call does not give up the copy.
  const { signal: _signal, ...own } = options;
  return { ...req, options: own, body, sending: () => {}, cut: () => {} };
}
