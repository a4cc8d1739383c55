import { durationMs, integer } from '../../core/check.ts';
import type { Binding } from '../../core/binding.ts';
import type { Context } from '../../core/context.ts';
import type { Service } from '../../core/service.ts';
import { assembler } from '../assemble.ts';
import type { Parts } from '../parts.ts';
import { startCall } from '../start-call.ts';
import type { Target } from '../target.ts';
import { bufferedBinding, streamedBinding } from './binding.ts';
import { Call } from './call.ts';
import { type NativeRequest, nativeRequest, type RequestOptions } from './request.ts';
import type { NativeResponse } from './response.ts';
import type { StreamedResponse } from './streamed-exchange.ts';

/** Calls one service over the mesh's own connections: the fastest way there is. */
export class Client {
  readonly service: string;
  readonly #parts: Parts;
  readonly #target: () => Target;
  readonly #binding: Binding<NativeRequest, NativeResponse>;
  readonly #buffered: (target: Target) => Service<NativeRequest, NativeResponse>;
  readonly #streamed: (target: Target) => Service<NativeRequest, StreamedResponse>;

  /** `target` is asked at each call, so that a mesh that closed can refuse it. */
  constructor(service: string, target: () => Target, parts: Parts) {
    this.service = service;
    this.#parts = parts;
    this.#target = target;
    this.#binding = bufferedBinding(parts.pools);
    this.#buffered = assembler(this.#binding, parts);
    this.#streamed = assembler(streamedBinding(parts.pools), parts);
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

  /**
   * Sends a request and reads its response whole, up to 64 MiB. A call that cannot be sent as it is (a path without its slash, say) throws
   * a `ConfigError`; everything else that goes wrong rejects.
   */
  request(method: string, path: string, options?: RequestOptions): Call {
    const req = nativeRequest(method, path, options);
    const target = this.#target();
    const ctx = this.#start(target, req, options);
    return new Call(this.#buffered(target)(req, ctx), ctx);
  }

  /** Sends a request and resolves with the head of its response; the body comes as it is read. */
  stream(method: string, path: string, options?: RequestOptions): Promise<StreamedResponse> {
    const req = nativeRequest(method, path, options);
    const target = this.#target();
    return this.#streamed(target)(req, this.#start(target, req, options));
  }

  #start(target: Target, req: NativeRequest, options: RequestOptions | undefined): Context {
    const ctx = startCall(this.#parts, target, this.#binding, req, options?.signal);
    if (options?.deadlineMs !== undefined) ctx.deadline = Math.min(ctx.deadline, ctx.startedAt + durationMs('deadlineMs', options.deadlineMs));
    if (options?.attempts !== undefined) ctx.maxAttempts = integer('attempts', options.attempts, { min: 1 });
    return ctx;
  }
}
