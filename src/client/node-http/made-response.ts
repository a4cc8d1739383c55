import { IncomingMessage, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import type { MadeResponse } from '../../core/http-binding.ts';

/** A response that no server gave, in the form that `node:http` gives responses: over a connection that never was one. */
export function madeMessage({ status, headers, body }: MadeResponse, _req: unknown, ctx: Context): IncomingMessage {
  const res = new IncomingMessage(new Socket());
  res.statusCode = status;
  res.statusMessage = STATUS_CODES[status] ?? '';
  res.httpVersion = '1.1';
  res.httpVersionMajor = 1;
  res.httpVersionMinor = 1;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    res.headers[name] = typeof value === 'string' ? value : [...value];
    for (const one of typeof value === 'string' ? [value] : value) res.rawHeaders.push(name, one);
  }
  if (body.length > 0) res.push(Buffer.from(body));
  res.complete = true;
  res.push(null);
  // As a client of `node:http` closes a response that was read.
  res.once('end', () => res.destroy());
  attachCall(res, ctx);
  return res;
}
