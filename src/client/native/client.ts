import type { Service } from '../../core/service.ts';
import { assembler } from '../assemble.ts';
import { checkLimits, narrow } from '../call-limits.ts';
import type { Parts } from '../parts.ts';
import { startCall } from '../start-call.ts';
import type { Target } from '../target.ts';
import { bufferedBinding, nativeRequests, streamedBinding } from './binding.ts';
import { Call } from './call.ts';
import { type ClientFilters, ofKind } from './client-options.ts';
import { type NativeRequest, nativeRequest, type RequestOptions } from './request.ts';
import type { NativeResponse } from './response.ts';
import type { StreamedResponse } from './streamed-exchange.ts';

/** Calls one service over the mesh's own connections: the fastest way there is. */
export class Client {
  readonly service: string;
  readonly #parts: Parts;
  readonly #target: () => Target;
  readonly #buffered: (target: Target) => Service<NativeRequest, NativeResponse>;
  readonly #streamed: (target: Target) => Service<NativeRequest, StreamedResponse>;

  /** `target` is asked at each call, so that a mesh that closed can refuse it. */
  constructor(service: string, target: () => Target, parts: Parts, filters: ClientFilters = []) {
    this.service = service;
    this.#parts = parts;
    this.#target = target;
    this.#buffered = assembler(({ pools }) => bufferedBinding(pools), parts, ofKind<NativeResponse>(filters));
    this.#streamed = assembler(({ pools }) => streamedBinding(pools), parts, ofKind<StreamedResponse>(filters));
  }

  get(path: string, options?: RequestOptions): Call {
    return this.request('GET', path, options);
  }

  head(path: string, options?: RequestOptions): Call {
    return this.request('HEAD', path, options);
  }

  post(path: string, options?: RequestOptions): Call {
    return this.request('POST', path, options);
  }

  put(path: string, options?: RequestOptions): Call {
    return this.request('PUT', path, options);
  }

  patch(path: string, options?: RequestOptions): Call {
    return this.request('PATCH', path, options);
  }

  delete(path: string, options?: RequestOptions): Call {
    return this.request('DELETE', path, options);
  }

  /** Sends a request and reads its response whole, up to 64 MiB. Whatever goes wrong rejects, a call that cannot be sent as it is too. */
  request(method: string, path: string, options?: RequestOptions): Call {
    return new Call(this.service, this.#send(method, path, options, this.#buffered));
  }

  /** Sends a request and resolves with the head of its response; the body comes as it is read. */
  stream(method: string, path: string, options?: RequestOptions): Promise<StreamedResponse> {
    return this.#send(method, path, options, this.#streamed);
  }

  #send<Res>(
    method: string,
    path: string,
    options: RequestOptions | undefined,
    serviceFor: (target: Target) => Service<NativeRequest, Res>,
  ): Promise<Res> {
    try {
      const target = this.#target();
      const req = nativeRequest(method, path, options);
      if (options !== undefined) checkLimits(options);
      const service = serviceFor(target);
      const ctx = startCall(this.#parts, target, nativeRequests, req, options?.signal);
      if (options !== undefined) narrow(ctx, options);
      return service(req, ctx);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
