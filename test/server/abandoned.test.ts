import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { ambient } from '../../src/core/ambient.ts';
import { Events } from '../../src/core/events.ts';
import type { InboundRequest } from '../../src/core/inbound-request.ts';
import { createInbound } from '../../src/server/inbound.ts';
import { createLimits } from '../../src/server/limit/inbound-limits.ts';
import { resolveInbound } from '../../src/server/limit/limit-options.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { listen, self, send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that keeps what it was asked, and the signal of each request. */
async function setup() {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const inbound = createInbound({ self, clock, metrics });
  const requests: {
    readonly res: http.ServerResponse;
    readonly request: InboundRequest | undefined;
  }[] = [];
  const kept = (req: { resume(): unknown }, res: http.ServerResponse) => {
    req.resume();
    requests.push({ res, request: ambient()?.request });
  };
  const listener = inbound.listener((req: http.IncomingMessage, res: http.ServerResponse) => kept(req, res));
  const listener2 = inbound.listener(
    (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse) => kept(req, res as unknown as http.ServerResponse), // they are alike in all that is used here
  );
  return { clock, metrics, inbound, requests, listener, listener2 };
}

const opened = async (server: http.Server | http2.Http2Server): Promise<number> => {
  const port = await listen(server);
  closing.push(() => server.close());
  return port;
};

const reasonOf = async (request: InboundRequest | undefined): Promise<unknown> => {
  const signal = request?.signal;
  if (signal === undefined) throw new Error('the request is unknown');
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
};

const GONE = { name: 'ClientGoneError', code: 'MESH_CANCELLED', service: 'teams' };

test('a client of HTTP/1.1 that goes away aborts the signals of its requests, of those too that wait their turn', async () => {
  const { metrics, requests, listener } = await setup();
  const server = http.createServer(listener);
  const client = connect(await opened(server), '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nhost: teams\r\ncontent-length: 1\r\n\r\nx'.repeat(3));
  while (requests.length < 3) await once(server, 'request');
  expect(requests.map(({ request }) => request?.signal.aborted)).toEqual([false, false, false]);
  client.destroy();
  for (const { request } of requests) expect(await reasonOf(request)).toMatchObject(GONE);
  expect(metrics.value('inbound_abandoned')).toBe(3);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

/** A session with one request on it that was not answered. */
const session = async (port: number) => {
  const client = http2.connect(`http://127.0.0.1:${port}`).on('error', () => {});
  closing.push(() => client.destroy());
  const stream = client.request({ ':path': '/' }).on('error', () => {});
  return { client, stream };
};

test.each([
  [
    'resets its stream',
    ({ stream }: Awaited<ReturnType<typeof session>>) => stream.close(http2.constants.NGHTTP2_CANCEL),
  ],
  ['closes its connection', ({ client }: Awaited<ReturnType<typeof session>>) => client.destroy()],
])('a client of HTTP/2 that %s aborts the signal of its request', async (_, leave) => {
  const { metrics, requests, listener2 } = await setup();
  const server = http2.createServer(listener2);
  const started = await session(await opened(server));
  while (requests.length < 1) await once(server, 'request');
  const [{ request } = { request: undefined }] = requests;
  expect(request?.signal.aborted).toBe(false);
  leave(started);
  expect(await reasonOf(request)).toMatchObject(GONE);
  expect(metrics.value('inbound_abandoned')).toBe(1);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test('over HTTP/2 a stream that was reset before the mesh saw it is gone from the start', async () => {
  const { metrics, inbound } = await setup();
  const server = http2.createServer();
  const started = await session(await opened(server));
  const [req, res] = await once(server, 'request');
  started.stream.close(http2.constants.NGHTTP2_CANCEL);
  await once(res, 'close');
  const { promise, resolve } = Promise.withResolvers<InboundRequest | undefined>();
  inbound(req, res, () => resolve(ambient()?.request));
  expect(await reasonOf(await promise)).toMatchObject(GONE);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test.each([
  ['HTTP/1.1', 1],
  ['HTTP/2', 2],
])('over %s a request that was answered never aborts, and leaves no timer and no listener', async (_, version) => {
  const { clock, metrics, requests, listener, listener2 } = await setup();
  const server = version === 1 ? http.createServer(listener) : http2.createServer(listener2);
  const port = await opened(server);
  const headers = { 'mesh-timeout-ms': '500', 'mesh-caller': 'players' };
  const answered = async () => {
    if (version === 1) return (await send(port, { headers })).body;
    const client = http2.connect(`http://127.0.0.1:${port}`);
    closing.push(() => client.destroy());
    const stream = client.request({ ':path': '/', ...headers }).setEncoding('utf8');
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  };
  const reply = answered();
  while (requests.length < 1) await once(server, 'request');
  const [{ res, request } = { res: undefined, request: undefined }] = requests;
  const signal = request?.signal;
  expect(clock.pending).toBe(1);
  const gone = once(res as http.ServerResponse, 'close'); // it is there: a request came
  res?.end('served');
  expect(await reply).toBe('served');
  await gone;
  expect(clock.pending).toBe(0);
  await clock.advance(1_000);
  expect(signal?.aborted).toBe(false);
  expect(request?.leftMs).toBe(0);
  expect(res?.listenerCount('close')).toBe(0);
  expect(metrics.value('inbound_abandoned')).toBe(0);
});

test('over HTTP/2 a request that was answered by its stream, past the response, never aborts', async () => {
  const { metrics, requests, listener2 } = await setup();
  const server = http2.createServer(listener2);
  const { stream } = await session(await opened(server));
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [, res] = await once(server, 'request');
  const gone = once(res, 'close');
  const signal = requests[0]?.request?.signal;
  res.stream.respond({ ':status': 200 });
  res.stream.end('served');
  await gone;
  await once(stream, 'close');
  expect([text, signal?.aborted, metrics.value('inbound_abandoned')]).toEqual(['served', false, 0]);
});

test('a client that goes away while the end of its answer is on its way aborts nothing: its handler is done', async () => {
  const { metrics, requests, listener } = await setup();
  const server = http.createServer(listener);
  const client = connect(await opened(server), '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n');
  client.pause();
  while (requests.length < 1) await once(server, 'request');
  const [{ res, request } = { res: undefined, request: undefined }] = requests;
  res?.end(Buffer.alloc(50_000_000));
  expect(res?.writableFinished).toBe(false);
  const gone = once(res as http.ServerResponse, 'close'); // as above
  client.destroy();
  await gone;
  expect(request?.signal.aborted).toBe(false);
  expect(metrics.value('inbound_abandoned')).toBe(0);
});

test('F67: the signal aborts when the time of the request is over, before its answer is', async () => {
  const { clock, requests, listener } = await setup();
  const server = http.createServer(listener);
  const reply = send(await opened(server), { headers: { 'mesh-timeout-ms': '250' } });
  while (requests.length < 1) await once(server, 'request');
  const [{ res, request } = { res: undefined, request: undefined }] = requests;
  expect(clock.pending).toBe(0); // nobody asked
  expect(request?.leftMs).toBe(250);
  res?.write('some');
  const signal = request?.signal;
  await clock.advance(249);
  expect(signal?.aborted).toBe(false);
  await clock.advance(1);
  expect(signal?.reason).toMatchObject({
    code: 'MESH_DEADLINE',
    inherited: true,
    message: "the time of a request to 'teams' was over before it was answered",
  });
  res?.end();
  expect((await reply).body).toBe('some');
});

test('who asks for the signal when the time is over gets one that has aborted; when it was answered, one that has not', async () => {
  const { clock, requests, listener } = await setup();
  const server = http.createServer(listener);
  const port = await opened(server);
  const reply = send(port, { headers: { 'mesh-timeout-ms': '250' } });
  while (requests.length < 1) await once(server, 'request');
  await clock.advance(250);
  expect(requests[0]?.request?.signal.aborted).toBe(true);
  requests[0]?.res.end();
  await reply;
  const second = send(port, { headers: { 'mesh-timeout-ms': '250' } });
  while (requests.length < 2) await once(server, 'request');
  requests[1]?.res.end();
  await clock.advance(250);
  expect(requests[1]?.request?.signal.aborted).toBe(false);
  await second;
  expect(clock.pending).toBe(0);
});

test('a client that goes away while its request waits for its turn is gone, and what is refused was answered', async () => {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const options = resolveInbound('inbound', { limit: { initial: 1, min: 1, max: 1, queue: { size: 1 } } });
  const limits = createLimits(options, { clock, random: Math.random, metrics, events: new Events() });
  const inbound = createInbound({ self, clock, metrics, limits });
  const server = http.createServer(inbound.listener(() => {}));
  const port = await opened(server);
  const clients = [];
  for (let i = 1; i <= 2; i++) {
    const req = http.get({ port, host: '127.0.0.1', agent: false }).on('error', () => {});
    clients.push(req);
    while (metrics.value('inbound_requests') < i) await once(server, 'request');
  }
  expect((await send(port)).status).toBe(503);
  for (const req of clients) req.destroy();
  while (metrics.value('inbound_in_flight') > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(metrics.value('inbound_abandoned')).toBe(2);
});

test('an Express app is told of a client that goes away, behind its body parser and an await', async () => {
  const { inbound } = await setup();
  const app = express();
  app.use(inbound, express.json());
  const { promise, resolve } = Promise.withResolvers<InboundRequest | undefined>();
  app.post('/', async () => {
    await Promise.resolve();
    resolve(ambient()?.request);
  });
  const server = http.createServer(app);
  const port = await opened(server);
  const headers = { 'content-type': 'application/json' };
  const req = http.request({ port, host: '127.0.0.1', agent: false, method: 'POST', headers }).on('error', () => {});
  req.end('{}');
  const request = await promise;
  expect(request?.signal.aborted).toBe(false);
  req.destroy();
  expect(await reasonOf(request)).toMatchObject(GONE);
});

test('a thousand requests, half of them abandoned, are all let go of', async () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const { metrics, requests, listener, clock } = await setup();
  const server = http.createServer(listener);
  const port = await opened(server);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  closing.push(() => agent.destroy());
  const refs: WeakRef<InboundRequest>[] = [];
  /** Listeners of a connection that serves one request after the other. */
  const counts = new Set<number>();
  for (let i = 0; i < 1_000; i++) {
    const req = http.get({ port, host: '127.0.0.1', agent, headers: { 'mesh-timeout-ms': '60000' } });
    const over = new Promise((resolve) => req.once('close', resolve));
    req.on('error', () => {}).on('response', (res) => res.resume());
    while (requests.length < 1) await once(server, 'request');
    const [{ res, request } = { res: undefined, request: undefined }] = requests.splice(0);
    if (request === undefined || res === undefined) throw new Error('nothing came');
    refs.push(new WeakRef(request));
    const signal = request.signal;
    signal.addEventListener('abort', () => {});
    counts.add(res.req.socket.listenerCount('close'));
    const gone = once(res, 'close');
    if (i % 2 === 0) req.destroy();
    else res.end('served');
    await Promise.all([over, gone]);
  }
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  // The stack may still hold the last.
  expect(refs.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(5);
  expect(counts.size).toBe(1);
  expect(clock.pending).toBe(0);
  expect(metrics.value('inbound_abandoned')).toBe(500);
});
