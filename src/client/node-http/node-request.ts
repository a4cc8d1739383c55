import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { ReplayBody } from './replay-body.ts';

/** A request in the words of `node:http`, to be made at whichever endpoint is picked. */
export interface NodeRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** What the client asked of `node:http`; the address in it is replaced. */
  readonly options: RequestOptions;
  readonly body: ReplayBody;
  /** Told of the request of each attempt as it is made. */
  readonly sending: (request: ClientRequest) => void;
  /** Told that an attempt that was answered is given up, and why; its response breaks off after that. */
  readonly cut: (res: IncomingMessage, reason: Error) => void;
}
