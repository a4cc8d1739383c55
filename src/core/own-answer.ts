import type { MeshError } from './errors.ts';

/** A call of a function that failed, for who answers in its place. */
export interface FailedSend<Req, Res> {
  readonly service: string;
  /** As `operation` names it. */
  readonly operation: string;
  readonly request: Req;
  /** What it failed with; of a call that was answered, an error with the code `MESH_STATUS`. What `send` threw is its `cause`. */
  readonly error: MeshError;
  /** The response that `classify` called a failure, if there was one. It is freed once there is another answer. */
  readonly response: Res | undefined;
}

/** What the caller of a function has its failed calls answered with. */
export interface OwnAnswer<Req, Res> {
  /** `undefined` for a call that is to fail. It may throw. */
  readonly make: (failed: FailedSend<Req, Res>) => Res | undefined | PromiseLike<Res | undefined>;
  /** How long it may take; `undefined` for as long as the settings of the service say. */
  readonly limitMs: number | undefined;
}
