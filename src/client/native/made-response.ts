import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { attachCall } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import type { MadeResponse } from '../../core/http-binding.ts';
import type { NativeRequest } from './request.ts';
import { NativeResponse } from './response.ts';
import type { StreamedResponse } from './streamed-exchange.ts';

/** A response that no server gave, with its body gathered. */
export function madeNative({ status, headers, body }: MadeResponse, _req: NativeRequest, ctx: Context): NativeResponse {
  return new NativeResponse(ctx.root, status, headersOf(headers), bytesOf(body));
}

/** A response that no server gave, with its body to be read. */
export function madeStream(
  { status, headers, body }: MadeResponse,
  _req: NativeRequest,
  ctx: Context,
): StreamedResponse {
  const response = { status, headers: headersOf(headers), body: Readable.from(pieces(body), { objectMode: false }) };
  attachCall(response, ctx);
  return response;
}

function pieces(body: Uint8Array): readonly Uint8Array[] {
  return body.length === 0 ? [] : [body];
}

/** The same bytes, as Node has them: nobody else may change them. */
function bytesOf(body: Uint8Array): Buffer {
  return Buffer.from(body);
}

/** The same headers, their lists too: whoever gets them may change them. */
export function headersOf(headers: MadeResponse['headers']): IncomingHttpHeaders {
  const own: Record<string, string | string[] | undefined> = {};
  for (const name in headers) {
    const value = headers[name];
    own[name] = typeof value === 'object' ? [...value] : value;
  }
  return own;
}
