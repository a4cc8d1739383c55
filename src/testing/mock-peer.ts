import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import type { MadeResponse } from '../core/http-binding.ts';
import { verdictOfStatus } from '../core/verdict.ts';

/** A request to a mock peer. */
export interface MockRequest {
  readonly method?: string;
  /** Path and query. @default '/' */
  readonly path?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A response of a mock peer. */
export interface MockResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function mockResponse({ status, headers, body }: MadeResponse): MockResponse {
  const given = Object.entries(headers).map(([name, value]) => [name, String(value)] as const);
  const text = Buffer.from(body).toString();
  return {
    status,
    ...(given.length > 0 && { headers: Object.fromEntries(given) }),
    ...(text !== '' && { body: text }),
  };
}

/** One attempt that arrived at the peer and waits for its answer. */
export interface Arrival {
  readonly req: MockRequest;
  readonly ctx: Context;
  /** Answers in full. */
  reply(response: MockResponse): void;
  /** Answers with the head alone; `ctx.end()` then ends the body. */
  replyHead(response: MockResponse): void;
  fail(error: Error): void;
}

/**
 * The other end of a stack, held in a test's hand: each attempt waits there until the test answers it, so that a test reads as a
 * dialogue.
 */
export class MockPeer {
  readonly #arrivals: Arrival[] = [];
  /** Responses that the mesh gave back unread. */
  readonly discarded: MockResponse[] = [];
  /** Responses that the mesh read for nobody. */
  readonly drained: MockResponse[] = [];
  readonly binding: Binding<MockRequest, MockResponse>;

  constructor() {
    this.binding = {
      name: 'mock',
      describe: ({ method = 'GET' }) => ({ operation: method, idempotent: method !== 'POST' && method !== 'PATCH' }),
      requestHeader: ({ headers }, name) => headers?.[name],
      send: (req, ctx) => this.#arrive(req, ctx),
      verdict: ({ status }) => verdictOfStatus(status),
      header: ({ headers }, name) => headers?.[name],
      discard: (res) => {
        this.discarded.push(res);
      },
      http: {
        path: ({ path = '/' }) => path,
        status: ({ status }) => status,
        respond: mockResponse,
        copy: (req) => req,
        drain: (res) => {
          this.drained.push(res);
        },
        whole: {
          sameAs: ({ method = 'GET', path = '/', headers = {}, body }, without) =>
            method === 'GET' && body === undefined
              ? JSON.stringify([path, ...Object.entries(headers).filter(([name]) => !without.has(name))])
              : undefined,
          get: ({ method = 'GET', headers = {}, body }) =>
            method === 'GET' && body === undefined ? headers : undefined,
          head: ({ status, headers = {} }) => ({ status, headers }),
          length: ({ body = '' }) => Buffer.byteLength(body),
          copy: ({ status, headers = {}, body = '' }) => ({ status, headers, body: Buffer.from(body) }),
        },
      },
    };
  }

  /** Attempts that wait for an answer. */
  get waiting(): number {
    return this.#arrivals.length;
  }

  /** The attempt that has waited longest. Throws when there is none. */
  next(): Arrival {
    const arrival = this.#arrivals.shift();
    if (arrival === undefined) throw new Error('no attempt is waiting for an answer');
    return arrival;
  }

  #arrive(req: MockRequest, ctx: Context): Promise<MockResponse> {
    return new Promise((resolve, reject) => {
      this.#arrivals.push({
        req,
        ctx,
        reply(response) {
          ctx.end();
          resolve(response);
        },
        replyHead: resolve,
        fail: reject,
      });
    });
  }
}
