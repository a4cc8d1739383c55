import type { IncomingMessage, ServerResponse } from 'node:http';
import http2, { type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import * as http1 from './servers.ts';
import { type Answer, type Seen, start, type TestServer, Waiting } from './servers.ts';

/** What a client and its servers speak, and how a server that speaks it fails. */
export interface Wire {
  readonly http: 1 | 2;
  readonly serve: (...answers: [Answer, ...Answer[]]) => Promise<TestServer>;
  /** Reads the request and breaks the connection off, without a word. */
  readonly resetBeforeResponse: Answer;
  readonly finBeforeResponse: Answer;
  /** Sends a head and half of a body, then breaks the connection off. */
  readonly resetMidBody: Answer;
  /** A server that ends a body which should go on. */
  readonly endsMidBody: () => Promise<TestServer>;
}

export const overHttp1: Wire = {
  http: 1,
  serve: http1.serve,
  resetBeforeResponse: http1.resetBeforeResponse,
  finBeforeResponse: http1.finBeforeResponse,
  resetMidBody: http1.resetMidBody,
  endsMidBody: () => http1.misbehave(http1.truncatedChunks),
};

/** Without TLS. A request is told as one of HTTP/1.1 is: its authority under `host`, and closed when its stream is. */
export const overHttp2: Wire = {
  http: 2,
  serve: serve2,
  resetBeforeResponse: (req, _res, seen) => {
    void seen.whole.then(() => streamOf(req).session?.destroy(undefined, http2.constants.NGHTTP2_INTERNAL_ERROR));
  },
  finBeforeResponse: (req, _res, seen) => {
    void seen.whole.then(() => streamOf(req).session?.destroy());
  },
  resetMidBody: (req, res) => {
    res.writeHead(200, { 'content-length': 1_000 });
    res.write('x'.repeat(500), () => streamOf(req).session?.destroy());
  },
  endsMidBody: () =>
    serve2((req, res) => {
      res.writeHead(200);
      res.write('hello', () => streamOf(req).close(http2.constants.NGHTTP2_INTERNAL_ERROR));
    }),
};

function streamOf(req: IncomingMessage): Http2ServerRequest['stream'] {
  return (req as unknown as Http2ServerRequest).stream; // who asks answers over HTTP/2
}

async function serve2(...answers: [Answer, ...Answer[]]): Promise<TestServer> {
  const requests: Seen[] = [];
  const waiting = new Waiting();
  const answering = (req: Http2ServerRequest, res: Http2ServerResponse) => {
    const chunks: Buffer[] = [];
    const { ':authority': host, ...headers } = req.headers;
    const seen: Seen = {
      method: req.method,
      url: req.url,
      headers: { ...Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':'))), host },
      rawHeaders: req.rawHeaders.map((one) => (one === ':authority' ? 'host' : one)),
      body: () => Buffer.concat(chunks),
      whole: new Promise((resolve) => req.once('end', resolve)),
      closed: new Promise((resolve) => req.stream.once('close', () => resolve())),
    };
    req.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    res.on('error', () => {});
    requests.push(seen);
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    // Node made them alike in all that an answer uses.
    answer?.(req as unknown as IncomingMessage, res as unknown as ServerResponse, seen);
    waiting.reached(requests.length);
  };
  const server = http2.createServer(answering);
  server.on('session', (session) => session.on('error', () => {}));
  server.on('sessionError', () => {});
  const request = async (nth: number) => {
    await waiting.until(() => requests.length >= nth);
    const seen = requests[nth - 1];
    if (seen === undefined) throw new Error(`request ${nth} is not there`);
    return seen;
  };
  return { ...(await start(server)), requests, request };
}
