import http2, { type Http2ServerRequest, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { SelfSigned } from './certificates.ts';
import { start, type TestServer } from './servers.ts';

/** A server of HTTP/2: over TLS with a certificate, in which case it speaks HTTP/1.1 with those who want that; else without. */
export interface Http2Server extends Pick<TestServer, 'url' | 'id' | 'connections' | 'open' | 'connected' | 'close'> {
  /** Version of HTTP of each request in the order they came. */
  readonly versions: readonly string[];
  readonly sessions: readonly ServerHttp2Session[];
}

export async function serveHttp2(
  answer: (req: Http2ServerRequest, res: Http2ServerResponse) => unknown,
  {
    secure,
    maxConcurrentStreams = 1_000,
  }: { readonly secure?: SelfSigned; readonly maxConcurrentStreams?: number } = {},
): Promise<Http2Server> {
  const versions: string[] = [];
  const sessions: ServerHttp2Session[] = [];
  const answering = (req: Http2ServerRequest, res: Http2ServerResponse) => {
    versions.push(req.httpVersion);
    req.on('error', () => {});
    res.on('error', () => {});
    answer(req, res);
  };
  const settings = { maxConcurrentStreams };
  const server =
    secure === undefined
      ? http2.createServer({ settings }, answering)
      : http2.createSecureServer({ ...secure, settings, allowHTTP1: true }, answering);
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  server.on('sessionError', () => {});
  const { url, ...started } = await start(server);
  return { ...started, url: secure === undefined ? url : url.replace('http:', 'https:'), versions, sessions };
}
