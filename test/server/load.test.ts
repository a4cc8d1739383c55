import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import express from 'express';
import { afterEach, expect, test } from 'vitest';
import { Events } from '../../src/core/events.ts';
import { createInbound } from '../../src/server/inbound.ts';
import { checkedUtilisation } from '../../src/server/utilisation.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { listen, portOf, type Reply, self, send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const CALLER = { 'mesh-caller': 'teams' };

function parts(utilisation?: () => number | undefined) {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  return { clock, metrics, inbound: createInbound({ self, clock, metrics, utilisation }) };
}

/** A server of which the test decides when, and how, it answers. */
async function setup(utilisation?: () => number | undefined) {
  const { clock, metrics, inbound } = parts(utilisation);
  const waiting: http.ServerResponse[] = [];
  const server = http.createServer(
    inbound.listener((_req: http.IncomingMessage, res: http.ServerResponse) => waiting.push(res)),
  );
  const port = await listen(server);
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const ask = (headers: http.OutgoingHttpHeaders = CALLER, options: http.RequestOptions = {}, body = '') => {
    const reply = send(port, { headers, ...options }, body);
    reply.catch(() => {}); // one that a test leaves unanswered is cut off at its end
    return reply;
  };
  const arrived = async (count: number) => {
    while (waiting.length < count) await once(server, 'request');
  };
  /** Serves one request that takes `ms`, with what waits already in flight. */
  const served = async (ms: number): Promise<Reply> => {
    const reply = ask();
    await arrived(waiting.length + 1);
    await clock.advance(ms);
    const res = waiting.pop();
    res?.end();
    return reply;
  };
  return { clock, metrics, server, port, ask, waiting, arrived, served };
}

const loadOf = ({ headers }: Reply) => headers['mesh-load'];

test('a caller of the mesh is told how many requests are in flight besides its own, and how long they take', async () => {
  const { ask, clock, waiting, arrived } = await setup();
  const replies = [ask(), ask({}), ask()];
  await arrived(3);
  await clock.advance(30);
  waiting[0]?.end();
  expect(loadOf((await Promise.race(replies)) as Reply)).toBe('2;30');
  await clock.advance(10);
  for (const res of waiting) res.end();
  const all = await Promise.all(replies);
  expect(all.filter((reply) => loadOf(reply) === undefined).length).toBe(1); // the stranger
});

test('a load is that of the moment in which the head is written', async () => {
  const { ask, waiting, arrived } = await setup();
  const first = ask();
  await arrived(1);
  const later = [ask(), ask(), ask()];
  await arrived(4);
  waiting[0]?.writeHead(200);
  waiting[0]?.end();
  expect(loadOf(await first)).toBe('3;0');
  for (const res of waiting) res.end();
  await Promise.all(later);
});

test('a stranger is told nothing', async () => {
  const { ask, waiting, arrived } = await setup();
  const reply = ask({ 'mesh-limit': '0' });
  await arrived(1);
  waiting[0]?.end();
  expect(loadOf(await reply)).toBe(undefined);
});

test('an answer of a server error does not make a process look fast', async () => {
  const { ask, served, waiting, arrived } = await setup();
  await served(100);
  for (let i = 0; i < 20; i++) {
    const reply = ask();
    await arrived(1);
    waiting.pop()?.writeHead(500).end();
    expect(loadOf(await reply)).toBe('0;100');
  }
});

test('a request that took longer than its caller waits is no measure: its caller counts it as failed', async () => {
  const { ask, served, waiting, arrived, clock } = await setup();
  await served(20);
  const stuck = ask({ ...CALLER, 'mesh-timeout-ms': '1000' });
  await arrived(1);
  await clock.advance(4_000);
  waiting.pop()?.end();
  expect(loadOf(await stuck)).toBe('0;20');
  const slow = ask({ ...CALLER, 'mesh-timeout-ms': '1000' });
  await arrived(1);
  await clock.advance(1_000);
  waiting.pop()?.end();
  expect(Number(String(loadOf(await slow)).split(';')[1])).toBeGreaterThan(20);
});

test('before anything was served a load is not known, and not told', async () => {
  const { ask, waiting, arrived } = await setup();
  const reply = ask();
  await arrived(1);
  waiting[0]?.writeHead(503).end();
  expect(loadOf(await reply)).toBe(undefined);
  expect(loadOf(await ask({ ...CALLER, 'mesh-timeout-ms': '0' }))).toBe(undefined);
});

test('a request that comes too late is refused with the load; one for another service is not told that of this one', async () => {
  const { ask, served } = await setup();
  await served(20);
  const late = await ask({ ...CALLER, 'mesh-timeout-ms': '0' });
  expect([late.status, loadOf(late)]).toEqual([504, '0;20']);
  const stray = await ask({ ...CALLER, 'mesh-target': 'players' });
  expect([stray.status, loadOf(stray)]).toEqual([421, undefined]);
});

// Whoever writes the head.

const WAYS: Readonly<Record<string, (res: http.ServerResponse) => void>> = {
  'end alone': (res) => res.end('x'),
  'a first write': (res) => {
    res.write('x');
    res.end();
  },
  flushHeaders: (res) => {
    res.flushHeaders();
    res.end();
  },
  'a status': (res) => res.writeHead(200).end(),
  'a status and headers, as Fastify': (res) => res.writeHead(200, { 'x-of': 'app' }).end(),
  'a status, a text and headers': (res) => res.writeHead(200, 'OK', { 'x-of': 'app' }).end(),
  'a list of headers': (res) => res.writeHead(200, ['x-of', 'app']).end(),
  'a list of headers beside one that was set': (res) => {
    res.setHeader('x-set', '1');
    res.writeHead(200, ['x-of', 'app']).end();
  },
  'pairs of headers': (res) => res.writeHead(200, [['x-of', 'app']] as unknown as http.OutgoingHttpHeader[]).end(),
  'what a gateway passes on': (res) => res.writeHead(200, { 'x-of': 'app', 'mesh-load': '99;99' }).end(),
  'a list of what a gateway passes on': (res) => res.writeHead(200, ['Mesh-Load', '99;99', 'x-of', 'app']).end(),
  'a header of the same name that was set': (res) => {
    res.setHeader('Mesh-Load', '99;99');
    res.end();
  },
  'a 204': (res) => res.writeHead(204).end(),
  'a 304': (res) => {
    res.statusCode = 304;
    res.end();
  },
  'hints before it': (res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' });
    res.end();
  },
};

test.each(Object.keys(WAYS))('a head that is written by %s has the load, once', async (way) => {
  const { inbound } = parts();
  const server = http.createServer(
    inbound.listener((_req: http.IncomingMessage, res: http.ServerResponse) => WAYS[way]?.(res)),
  );
  const port = await listen(server);
  closing.push(() => server.close());
  for (const method of ['GET', 'HEAD']) {
    const reply = await send(port, { method, headers: CALLER });
    expect(loadOf(reply)).toBe('0;0');
    if (/headers|passes/.test(way) && way !== 'flushHeaders') expect(reply.headers['x-of']).toBe('app');
    if (/beside/.test(way)) expect(reply.headers['x-set']).toBe('1');
  }
});

test.each(Object.keys(WAYS).filter((way) => !/hints|text/.test(way)))(
  'over HTTP/2 a head that is written by %s has the load, once',
  async (way) => {
    const { inbound, metrics } = parts();
    const server = http2.createServer((req, res) => {
      // The compatibility side has the shape of node:http, which is all that is used of it; its types are others.
      inbound(req, res, () => WAYS[way]?.(res as unknown as http.ServerResponse));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const session = http2.connect(`http://127.0.0.1:${portOf(server)}`);
    closing.push(
      () => session.close(),
      () => server.close(),
    );
    const stream = session.request({ ':path': '/', ...CALLER });
    const [headers] = await once(stream, 'response');
    expect(headers['mesh-load']).toBe('0;0');
    stream.resume();
    await once(stream, 'close');
    expect(metrics.value('inbound_in_flight')).toBe(0);
  },
);

test('an Express app tells the load, on files that were not modified and on errors too', async () => {
  const { inbound } = parts();
  const app = express();
  app.use(inbound);
  app.get('/json', (_req, res) => res.json({ a: 1 }));
  app.get('/broken', () => {
    throw new Error('broken');
  });
  app.use(((_error, _req, res, _next) => res.status(400).send('told')) satisfies express.ErrorRequestHandler);
  const port = await new Promise<number>((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(portOf(server)));
    closing.push(() => server.close());
  });
  const json = await send(port, { path: '/json', headers: CALLER });
  expect([json.status, loadOf(json)]).toEqual([200, '0;0']);
  const again = await send(port, { path: '/json', headers: { ...CALLER, 'if-none-match': String(json.headers.etag) } });
  expect([again.status, loadOf(again)]).toEqual([304, '0;0']);
  const head = await send(port, { method: 'HEAD', path: '/json', headers: CALLER });
  expect(loadOf(head)).toBe('0;0');
  expect(loadOf(await send(port, { path: '/broken', headers: CALLER }))).toBe('0;0');
  expect(loadOf(await send(port, { path: '/nowhere', headers: CALLER }))).toBe('0;0');
});

test('a head that is written twice fails as it does without the mesh', async () => {
  const { ask, waiting, arrived } = await setup();
  const reply = ask();
  await arrived(1);
  waiting[0]?.writeHead(200);
  expect(() => waiting[0]?.writeHead(200)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }));
  waiting[0]?.end();
  expect((await reply).status).toBe(200);
});

// What the application knows.

test('what the application says of its utilisation is the third field', async () => {
  const { served } = await setup(() => 0.123);
  expect(loadOf(await served(5))).toBe('0;5;0.12');
});

test('an application that does not know its utilisation hurts nobody, and is told once until it does', () => {
  const events = new Events();
  const faults: unknown[] = [];
  events.on('fault', (event) => faults.push(event));
  const answers: unknown[] = [0.5, Number.NaN, -1, 1_001, '0.5', new Error('broken'), 1_000, 0, undefined];
  const ask = checkedUtilisation(() => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer as number; // the point is what is none
  }, events);
  expect(Array.from({ length: 9 }, ask)).toEqual([
    0.5,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    1_000,
    0,
    undefined,
  ]);
  expect(faults).toEqual([
    expect.objectContaining({ source: 'utilisation' }),
    expect.objectContaining({ source: 'utilisation' }),
  ]);
});

// The soft nack.

/** A server that takes 10 ms when it is idle and 30 ms with two others in flight, which now has three. */
async function busyServer() {
  const made = await setup();
  for (let i = 0; i < 32; i++) await made.served(10);
  const held = [made.ask(), made.ask()];
  await made.arrived(2);
  for (let i = 0; i < 32; i++) await made.served(30);
  held.push(made.ask());
  await made.arrived(3);
  const limited = (
    limit: string,
    options: http.RequestOptions = {},
    body = '',
    headers: http.OutgoingHttpHeaders = {},
  ) => made.ask({ ...CALLER, 'mesh-limit': limit, ...headers }, options, body);
  return { ...made, held, limited };
}

test('a request over its limit is refused by a server that is slower than when idle, and nothing is executed', async () => {
  const { limited, waiting, metrics } = await busyServer();
  const reply = await limited('3'); // and this would be the fourth
  expect(reply.status).toBe(503);
  expect(reply.headers['mesh-nack']).toBe('busy');
  expect(reply.headers['retry-after']).toBe(undefined);
  expect(loadOf(reply)).toMatch(/^3;2\d\.\d+$/);
  expect(reply.body).toBe("'teams' has 3 requests in flight here\n");
  expect(waiting.length).toBe(3);
  expect(metrics.value('inbound_refused', { reason: 'busy' })).toBe(1);
  expect(metrics.value('inbound_in_flight')).toBe(3);
});

test.each(['4', '1000000', '', 'two', 'NaN', '1e0', '-', '0x1'])(
  'a request with a limit of "%s" is served by a server with three in flight',
  async (limit) => {
    const { limited, waiting, arrived } = await busyServer();
    const reply = limited(limit);
    await arrived(4);
    waiting.pop()?.end();
    expect((await reply).status).toBe(200);
  },
);

test('a limit means nothing to a server that is no slower than when idle', async () => {
  const { ask, served, waiting, arrived } = await setup();
  for (let i = 0; i < 40; i++) await served(10);
  const held = [ask(), ask(), ask({ ...CALLER, 'mesh-limit': '1' })];
  await arrived(3);
  for (const res of waiting) res.end();
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

test('a stranger with a limit is served: only callers of the mesh know what to do with a refusal', async () => {
  const { ask, waiting, arrived } = await busyServer();
  const reply = ask({ 'mesh-limit': '0' });
  await arrived(4);
  waiting.pop()?.end();
  expect((await reply).status).toBe(200);
});

test('a small body can be sent again, and its request be refused', async () => {
  const { limited } = await busyServer();
  expect((await limited('0', { method: 'POST' }, 'x'.repeat(65_536), { 'content-length': 65_536 })).status).toBe(503);
});

test.each([
  ['longer than 64 KiB', { 'content-length': 65_537 }, 'x'.repeat(65_537)],
  ['streamed', { 'transfer-encoding': 'chunked' }, 'x'],
])('a request whose body is %s is not refused, since it may be gone', async (_, headers, body) => {
  const { limited, waiting, arrived } = await busyServer();
  const reply = limited('0', { method: 'POST' }, body, headers);
  await arrived(4);
  waiting.pop()?.end();
  expect((await reply).status).toBe(200);
});
