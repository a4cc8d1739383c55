import { once } from 'node:events';
import http from 'node:http';
import http2, { type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Events } from '../../../src/core/events.ts';
import { createInbound } from '../../../src/server/inbound.ts';
import { createLimits } from '../../../src/server/limit/inbound-limits.ts';
import { type LimitOptions, resolveInbound } from '../../../src/server/limit/limit-options.ts';
import { MemoryMetrics } from '../../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';
import { listen, self, send } from '../support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** The inbound side with a limit by which so many requests that say no priority get in, which wait for the test to answer them. */
function setup(usual: number, options: LimitOptions = {}) {
  const most = Math.ceil(usual / 0.9);
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const parts = { clock, random: seededRandom(1), metrics, events: new Events() };
  const limit = { initial: most, min: most, max: most, ...options };
  const inbound = createInbound({ self, clock, metrics, limits: createLimits(resolveInbound('i', { limit }), parts) });
  const waiting: http.ServerResponse[] = [];
  let onServed = () => {};
  const serve = (res: http.ServerResponse) => {
    waiting.push(res);
    onServed();
  };
  /** Resolves once so many were served. */
  const served = (count: number) =>
    new Promise<void>((resolve) => {
      onServed = () => (waiting.length >= count ? resolve() : undefined);
      onServed();
    });
  const running = () => metrics.value('inbound_in_flight');
  /** Resolves once so many are running. */
  const settlesAt = async (count: number) => {
    while (running() !== count) await new Promise((resolve) => setImmediate(resolve));
  };
  return { inbound, metrics, clock, waiting, serve, served, settlesAt };
}

type Setup = ReturnType<typeof setup>;

async function overHttp2({ inbound, serve }: Setup): Promise<ClientHttp2Session> {
  const server = http2.createServer((req, res) => {
    // The compatibility side has the shape of node:http, which is all that is used of it; its types are others.
    const [request, response] = [req, res] as unknown as [http.IncomingMessage, http.ServerResponse];
    inbound(request, response, () => serve(response));
  });
  const session = http2.connect(`http://127.0.0.1:${await listen(server)}`);
  session.on('error', () => {});
  closing.push(
    () => session.destroy(),
    () => server.close(),
  );
  return session;
}

function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders = {}) {
  const stream = session.request({ ':path': '/', ...headers });
  stream.on('error', () => {});
  stream.resume();
  const head = once(stream, 'response').then(([found]) => [found[':status'], found['mesh-nack']]);
  head.catch(() => {});
  return { stream, head };
}

test('F85: over HTTP/2 the streams of one connection count one by one, and one that ends makes room', async () => {
  const all = setup(2);
  const session = await overHttp2(all);
  const [first, second] = [ask(session), ask(session)];
  await all.served(2);
  expect(await ask(session).head).toEqual([503, 'overloaded']);
  all.waiting[0]?.end();
  expect(await first.head).toEqual([200, undefined]);
  await all.settlesAt(1);
  const third = ask(session);
  await all.served(3);
  for (const res of all.waiting) res.end();
  expect([await second.head, await third.head]).toEqual([
    [200, undefined],
    [200, undefined],
  ]);
  await all.settlesAt(0);
});

test('F85: over HTTP/2 a stream that its client resets makes room, and so does a connection that breaks', async () => {
  const all = setup(2);
  const session = await overHttp2(all);
  const gone = ask(session);
  ask(session);
  await all.served(2);
  gone.stream.close(http2.constants.NGHTTP2_CANCEL);
  await all.settlesAt(1);
  ask(session);
  await all.served(3);
  session.destroy();
  await all.settlesAt(0);
});

test('F85: over HTTP/2 one that waits is served in its turn, unless its client resets it before', async () => {
  const all = setup(1, { queue: {} });
  const session = await overHttp2(all);
  const first = ask(session);
  await all.served(1);
  const gone = ask(session);
  const third = ask(session);
  while (all.metrics.value('inbound_waiting') < 2) await new Promise((resolve) => setImmediate(resolve));
  gone.stream.close(http2.constants.NGHTTP2_CANCEL);
  while (all.metrics.value('inbound_waiting') > 1) await new Promise((resolve) => setImmediate(resolve));
  all.waiting[0]?.end();
  await first.head;
  await all.served(2);
  all.waiting[1]?.end();
  expect(await third.head).toEqual([200, undefined]);
  await all.settlesAt(0);
  expect([all.waiting.length, all.clock.pending]).toEqual([2, 0]);
});

/** A client that sends requests one after the other without waiting for an answer. */
async function pipeline({ inbound, serve }: Setup, count: number) {
  const server = http.createServer((req, res) => inbound(req, res, () => serve(res)));
  const socket = net.connect(await listen(server), '127.0.0.1');
  socket.on('error', () => {});
  closing.push(
    () => socket.destroy(),
    () => server.close(),
    () => server.closeAllConnections(),
  );
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n'.repeat(count));
  const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  const answered = async (expected: number) => {
    while (statuses().length < expected) await once(socket, 'data');
    return statuses();
  };
  return { socket, answered };
}

test('F85: requests that one connection sends ahead count one by one, and are answered in their order', async () => {
  const all = setup(2);
  const { answered } = await pipeline(all, 4);
  await all.served(2);
  while (all.metrics.value('inbound_requests') < 4) await new Promise((resolve) => setImmediate(resolve));
  all.waiting[1]?.end();
  all.waiting[0]?.end();
  expect(await answered(4)).toEqual([200, 200, 503, 503]);
  await all.settlesAt(0);
});

test('F85: a client that sends ahead and leaves takes no place with it', async () => {
  const all = setup(3);
  const { socket } = await pipeline(all, 3);
  await all.served(3);
  socket.destroy();
  await all.settlesAt(0);
  const { answered } = await pipeline(all, 3);
  await all.served(6);
  for (const res of all.waiting.slice(3)) res.end();
  expect(await answered(3)).toEqual([200, 200, 200]);
});

test('F85: as a hook of Fastify, which gets the raw request and goes on when it is told to', async () => {
  const all = setup(1, { queue: {} });
  // What Fastify 5 does with `onRequest` hooks: one after the other, then the route; nothing more once one does not go on.
  const onRequest = (
    request: { readonly raw: http.IncomingMessage },
    reply: { readonly raw: http.ServerResponse },
    done: (error?: unknown) => void,
  ) => all.inbound(request.raw, reply.raw, done);
  const server = http.createServer((raw, res) => onRequest({ raw }, { raw: res }, () => all.serve(res)));
  const port = await listen(server);
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const first = send(port);
  await all.served(1);
  const second = send(port);
  while (all.metrics.value('inbound_waiting') < 1) await new Promise((resolve) => setImmediate(resolve));
  all.waiting[0]?.end('1');
  expect((await first).body).toBe('1');
  await all.served(2);
  const refused = send(port);
  while (all.metrics.value('inbound_waiting') < 1) await new Promise((resolve) => setImmediate(resolve));
  await all.clock.advance(200);
  expect((await refused).status).toBe(503);
  all.waiting[1]?.end('2');
  expect((await second).body).toBe('2');
});
