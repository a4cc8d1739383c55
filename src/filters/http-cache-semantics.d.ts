/** The part of http-cache-semantics 4 that is used here. The types of DefinitelyTyped do not have `now`, and have options that are gone. */
declare module 'http-cache-semantics' {
  /** By names in lower case. Lists are not understood. */
  type Headers = Readonly<Record<string, string | undefined>>;

  interface Options {
    shared: boolean;
    cacheHeuristic: number;
    immutableMinTimeToLive: number;
  }

  class CachePolicy {
    constructor(req: CachePolicy.HttpRequest, res: CachePolicy.HttpResponse, options: Options);
    /** Milliseconds since 1970; asked while the policy is made, and for each age. */
    now(): number;
    storable(): boolean;
    stale(): boolean;
    /** Milliseconds, the time included for which it may be given when it is old. */
    timeToLive(): number;
    evaluateRequest(req: CachePolicy.HttpRequest): {
      /** There when it can be given. */
      readonly response: object | undefined;
      /** There when it has to be asked after: first, or beside. */
      readonly revalidation: object | undefined;
    };
    responseHeaders(): Headers;
    revalidationHeaders(req: CachePolicy.HttpRequest): Headers;
    revalidatedPolicy(
      req: CachePolicy.HttpRequest,
      res: CachePolicy.HttpResponse,
    ): { readonly modified: boolean; readonly matches: boolean };
  }

  namespace CachePolicy {
    interface HttpRequest {
      readonly url: string;
      readonly method: string;
      readonly headers: Headers;
    }

    interface HttpResponse {
      readonly status: number;
      readonly headers: Headers;
    }
  }

  export default CachePolicy;
}
