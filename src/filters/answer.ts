import { fail, integer, options as known } from '../core/check.ts';
import type { MadeResponse } from '../core/http-binding.ts';

/** A response in the words of whoever makes one up. */
export interface Answer {
  /** 200 to 599. @default 200 */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** @default an empty one */
  readonly body?: string | Uint8Array | undefined;
  /** A body as JSON; `content-type` is set unless the headers have one. Not together with `body`. */
  readonly json?: unknown;
}

/** Checks an answer and makes a response of it. */
export function resolveAnswer(name: string, answer: Answer): MadeResponse {
  known(name, answer, ['status', 'headers', 'body', 'json']);
  const { status = 200, headers: given = {}, body, json } = answer;
  integer(`${name}.status`, status, { min: 200, max: 599 });
  known(`${name}.headers`, given);
  const headers: Record<string, string> = Object.create(null);
  for (const [header, value] of Object.entries(given)) {
    if (typeof value !== 'string' || /[\r\n\0]/.test(header + value))
      fail(`${name}.headers.${header}`, 'a string without line breaks', value);
    headers[header.toLowerCase()] = value;
  }
  if (json === undefined) return { status, headers, body: bytesOf(`${name}.body`, body) };
  if (body !== undefined) fail(name, 'given body or json, not both', answer);
  const text: unknown = JSON.stringify(json);
  if (typeof text !== 'string') fail(`${name}.json`, 'something that JSON can say', json);
  headers['content-type'] ??= 'application/json';
  return { status, headers, body: Buffer.from(text) };
}

function bytesOf(name: string, body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  if (!(body instanceof Uint8Array)) fail(name, 'a string or a Uint8Array', body);
  return new Uint8Array(body);
}
