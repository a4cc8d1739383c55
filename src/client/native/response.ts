import type { IncomingHttpHeaders } from 'node:http';
import { CALL } from '../../core/call-of.ts';
import type { Context } from '../../core/context.ts';
import { MeshError } from '../../core/errors.ts';

/** The response of a call, its body read to the end. Any status: what is not 2xx is an answer too. */
export class NativeResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  readonly #call: Context;
  readonly #bytes: Buffer;

  constructor(call: Context, status: number, headers: IncomingHttpHeaders, body: Buffer) {
    this.#call = call;
    this.#bytes = body;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  /** Whether the status is 2xx. */
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** @internal */
  get [CALL](): Context {
    return this.#call;
  }

  text(): string {
    return this.#bytes.toString('utf8');
  }

  /** The body parsed as JSON. `T` is the caller's word for it: nothing checks the shape. */
  json<T>(): T {
    return JSON.parse(this.text());
  }
}

/** `.json()`, `.text()` or `.bytes()` was asked of a call whose response is not a 2xx; the response is there in full. */
export class StatusError extends MeshError {
  readonly response: NativeResponse;

  constructor(service: string, response: NativeResponse) {
    super('MESH_STATUS', `'${service}' answered ${response.status}`, { resend: 'never', service });
    this.response = response;
  }
}
