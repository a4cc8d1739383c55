import { attachCall, callOf } from '../../core/call-of.ts';
import { type NativeResponse, StatusError } from './response.ts';

/** A call under way: a promise of its response, with short ways to what is usually wanted of it. */
export class Call implements Promise<NativeResponse> {
  readonly #service: string;
  readonly #response: Promise<NativeResponse>;

  constructor(service: string, response: Promise<NativeResponse>) {
    this.#service = service;
    this.#response = response;
  }

  /** The body of a 2xx response parsed as JSON; any other status rejects with a `StatusError`. */
  json<T>(): Promise<T> {
    return this.#response.then((response) => this.#expectOk(response).json<T>());
  }

  /** The body of a 2xx response as text; any other status rejects with a `StatusError`. */
  text(): Promise<string> {
    return this.#response.then((response) => this.#expectOk(response).text());
  }

  /** The body of a 2xx response; any other status rejects with a `StatusError`. */
  bytes(): Promise<Uint8Array> {
    return this.#response.then((response) => this.#expectOk(response).body);
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, and says so by `implements`
  then<A = NativeResponse, B = never>(
    fulfilled?: ((response: NativeResponse) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#response.then(fulfilled, rejected);
  }

  catch<B = never>(rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<NativeResponse | B> {
    return this.#response.catch(rejected);
  }

  finally(done?: (() => void) | null): Promise<NativeResponse> {
    return this.#response.finally(done);
  }

  get [Symbol.toStringTag](): string {
    return 'Call';
  }

  #expectOk(response: NativeResponse): NativeResponse {
    if (response.ok) return response;
    const error = new StatusError(this.#service, response);
    const ctx = callOf(response);
    if (ctx !== undefined) attachCall(error, ctx);
    throw error;
  }
}
