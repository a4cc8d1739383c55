import type { Context, Description } from './context.ts';
import type { HttpBinding } from './http-binding.ts';
import type { OwnAnswer } from './own-answer.ts';
import type { Verdict } from './verdict.ts';

/**
 * All that the mesh knows of a client library.
 *
 * `send` makes one attempt at `ctx.endpoint`, with `ctx.headers` added to the request. It rejects with a `MeshError` whose `resend` is
 * right, stops when `ctx` is cancelled, and calls `ctx.end` exactly once after it resolved: when the body of the response ended (with the
 * error that cut it off, if one did). When it rejects, the mesh ends the context.
 */
export interface Binding<Req, Res> {
  /** Names it in `explain`, logs and metrics. */
  readonly name: string;
  /** Whether none of its requests has a body that is gone once it was read. Else only GET, HEAD and OPTIONS are known not to. */
  readonly bodiless?: boolean;
  describe(req: Req): Description;
  send(req: Req, ctx: Context): Promise<Res>;
  /** One header of the request as its caller gave it, by its lower-case name. */
  requestHeader(req: Req, name: string): string | undefined;
  verdict(res: Res): Verdict;
  /**
   * One header of the response, by its lower-case name. Absent where responses have none that can be read: no report of load and no refusal is heard
   * then, so that no attempt may ask a busy server for one.
   */
  header?(res: Res, name: string): string | undefined;
  /**
   * Whether nobody has begun to read a body, and part of it or its reader is what is missing. Absent where bodies are gathered, or where nobody can
   * tell.
   */
  unread?(res: Res): boolean;
  /** Frees the connection of a response that nobody will read. */
  discard(res: Res): void;
  /** What it can do besides where it speaks HTTP. Where it is not there, settings that need it are left out. */
  readonly http?: HttpBinding<Req, Res> | undefined;
  /** What failed calls are answered with where it speaks no HTTP: the answers in the settings of a service are responses of HTTP. */
  readonly answer?: OwnAnswer<Req, Res> | undefined;
}
