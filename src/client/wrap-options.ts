import type { IncomingMessage } from 'node:http';
import type { Got } from 'got';
import { options as known } from '../core/check.ts';
import type { FetchRequest } from './fetch/request.ts';
import type { PutFilters } from './filter-stack.ts';
import type { NodeRequest } from './node-http/node-request.ts';

/** How a client is wrapped. A filter sees the requests and responses of what carries them: those of `node:http` with got. */
export interface WrapOptions<C> {
  /** Puts filters of your own into the stack behind this client. @default none */
  readonly filters?: C extends Got
    ? PutFilters<NodeRequest, IncomingMessage> | undefined
    : PutFilters<FetchRequest, Response> | undefined;
}

export function checkWrap(options: unknown): void {
  if (options !== undefined) known('options of wrap', options, ['filters']);
}
