import type { WholeResponses } from '../../core/http-binding.ts';
import { headersOf } from './made-response.ts';
import type { NativeRequest } from './request.ts';
import type { NativeResponse } from './response.ts';

/** How requests are told apart, and responses copied, where bodies are gathered. */
export const wholeNative: WholeResponses<NativeRequest, NativeResponse> = {
  sameAs({ method, path, headers, body }, without) {
    if (method !== 'GET' || body !== undefined) return undefined;
    const lines: string[] = [];
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]?.toLowerCase() ?? '';
      // As JSON: whoever gives a header a line break must not pass for one with two headers.
      if (!without.has(name)) lines.push(JSON.stringify([name, headers[i + 1]]));
    }
    return JSON.stringify([path, ...lines.sort()]);
  },
  get({ method, headers, body }) {
    if (method !== 'GET' || body !== undefined) return undefined;
    const texts: Record<string, string> = Object.create(null);
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = headers[i]?.toLowerCase() ?? '';
      const value = headers[i + 1] ?? '';
      texts[name] = name in texts ? `${texts[name]}, ${value}` : value;
    }
    return texts;
  },
  head: ({ status, headers }) => ({ status, headers }),
  length: ({ body }) => body.length,
  copy: ({ status, headers, body }) => ({ status, headers: headersOf(headers), body: new Uint8Array(body) }),
};
