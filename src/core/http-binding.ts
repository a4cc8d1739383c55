import type { Context } from './context.ts';

/** A response that no server gave: one made here, or kept from before. */
export interface MadeResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** What a client library reads to the end before it gives it. */
export interface WholeResponses<Req, Res> {
  /** The request in one text, with all of its headers but these; `undefined` when another one of the same text may be another request. */
  sameAs(req: Req, without: ReadonlySet<string>): string | undefined;
  /** The headers of a GET without a body, by their names in lower case; `undefined` for any other request. */
  get(req: Req): Readonly<Record<string, string>> | undefined;
  /** Status and headers of a response. */
  head(res: Res): Pick<MadeResponse, 'status' | 'headers'>;
  /** How long the body of a response is, in bytes. */
  length(res: Res): number;
  /** The response, with a body of its own. */
  copy(res: Res): MadeResponse;
}

/** What a binding can do when it speaks HTTP, for filters that answer in the place of a server. */
export interface HttpBinding<Req, Res> {
  /** Path and query of a request. */
  path(req: Req): string;
  status(res: Res): number;
  /** The response as the client library would have given it. All of it is there: whoever asks for it ends `ctx`. */
  respond(made: MadeResponse, req: Req, ctx: Context): Res;
  /** The same request, to be sent beside it; `undefined` when its body cannot be read by two. */
  copy(req: Req): Req | undefined;
  /** Reads a response to its end, for nobody. Its connection can be used again, as it could not when the response was broken off. */
  drain(res: Res): void;
  /** `stream` where the caller asked for a stream, and so for nothing kept; `never` where the client library gives nothing else. */
  readonly whole: WholeResponses<Req, Res> | 'stream' | 'never';
}
