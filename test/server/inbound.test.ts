import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, expectTypeOf, test } from 'vitest';
import { type Ambient, ambient, runAmbient } from '../../src/core/ambient.ts';
import { createInbound } from '../../src/server/inbound.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { listen, type Reply, self, send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A server that tells what its requests were served with. */
async function setup(serve: http.RequestListener = (_, res) => res.end('served')) {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const inbound = createInbound({ self, clock, metrics });
  const seen: (Ambient | undefined)[] = [];
  const server = http.createServer(
    inbound.listener((req: http.IncomingMessage, res: http.ServerResponse) => {
      seen.push(ambient());
      serve(req, res);
    }),
  );
  const port = await listen(server);
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const ask = (headers: http.OutgoingHttpHeaders, options: http.RequestOptions = {}): Promise<Reply> =>
    send(port, { headers, ...options });
  return { clock, metrics, inbound, seen, server, port, ask };
}

const refused = (metrics: MemoryMetrics, reason: string) => metrics.value('inbound_refused', { reason });

test('a request for another service is refused before any work, and told whom it reached (F38)', async () => {
  const { ask, seen, metrics } = await setup();
  const reply = await ask({ 'mesh-target': 'players;players-7' });
  expect(reply.status).toBe(421);
  expect(reply.headers['mesh-nack']).toBe('misdirected');
  expect(reply.headers['content-type']).toBe('text/plain');
  expect(reply.body).toBe("this is 'teams', and the request is for another service\n");
  expect(seen).toEqual([]);
  expect(refused(metrics, 'misdirected')).toBe(1);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test.each(['teams', 'teams;teams-1', 'teams;an-instance-that-was-here-before', ''])(
  "a request for '%s' is served: this service is meant",
  async (target) => {
    const { ask } = await setup();
    expect((await ask({ 'mesh-target': target })).status).toBe(200);
  },
);

test.each(['teamsters', 'team', ';teams-1', 'teams, teams', 'TEAMS'])(
  "a request for '%s' is refused",
  async (target) => {
    const { ask } = await setup();
    expect((await ask({ 'mesh-target': target })).status).toBe(421);
  },
);

test('a refused upload leaves its connection fit for the next request', async () => {
  const { port, server } = await setup();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  closing.push(() => agent.destroy());
  let connections = 0;
  server.on('connection', () => connections++);
  const headers = { 'mesh-target': 'players' };
  expect((await send(port, { agent, method: 'POST', headers }, 'x'.repeat(300_000))).status).toBe(421);
  expect((await send(port, { agent })).status).toBe(200);
  expect(connections).toBe(1);
});

test.each(['0', '-1', '-0', '0.0', '-250'])(
  "a request with '%s' ms left is refused before any work (F67)",
  async (left) => {
    const { ask, seen, metrics } = await setup();
    const reply = await ask({ 'mesh-timeout-ms': left });
    expect(reply.status).toBe(504);
    expect(reply.headers['mesh-nack']).toBe('expired');
    expect(seen).toEqual([]);
    expect(refused(metrics, 'expired')).toBe(1);
  },
);

test.each([
  ['250', 250],
  ['0.5', 0.5],
  ['3600000', 3_600_000],
  ['3600001', 3_600_000],
  ['999999999999999', 3_600_000],
])("the calls made for a request with '%s' ms left have that time, at most an hour (F68)", async (left, ms) => {
  const { ask, seen, clock } = await setup();
  await ask({ 'mesh-timeout-ms': left });
  expect(seen[0]?.deadline).toBe(clock.now() + ms);
});

test.each([
  '',
  'soon',
  'NaN',
  'Infinity',
  '-Infinity',
  '1e99',
  '-1e99',
  '--5',
  '-',
  '-x',
  '0x10',
  '1,000',
  '5, 5',
  '1e3',
])("F68: a timeout of '%s' is ignored", async (left) => {
  const { ask, seen } = await setup();
  expect((await ask({ 'mesh-timeout-ms': left })).status).toBe(200);
  expect(seen[0]?.deadline).toBe(Number.POSITIVE_INFINITY);
});

test.each([
  ['1', false],
  ['2', true],
  ['3', true],
  ['0', false],
  ['-2', false],
  ['', false],
  ['two', false],
  ['1e9', false],
])("attempt '%s' of the caller is a retry: %s", async (attempt, retried) => {
  const { ask, seen } = await setup();
  await ask({ 'mesh-attempt': attempt });
  expect(seen[0]?.retried).toBe(retried);
});

test('the calls made for a request belong to its trace', async () => {
  const { ask, seen } = await setup();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  await ask({ traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: 'a=1', baggage: ['b=2', 'c=3'] });
  expect(seen[0]?.trace).toEqual({ traceId, spanId: '00f067aa0ba902b7', flags: 1, state: 'a=1' });
  expect(seen[0]?.baggage).toBe('b=2, c=3');
});

test('a request that says nothing is served without limits, whatever surrounds the server', async () => {
  const { ask, seen } = await runAmbient({ trace: undefined, baggage: '', deadline: 1, retried: true }, setup);
  expect((await ask({})).body).toBe('served');
  expect(seen).toMatchObject([{ trace: undefined, baggage: '', deadline: Number.POSITIVE_INFINITY, retried: false }]);
});

test('what a request said holds over awaits and timers, and never for its neighbour', async () => {
  const { ask } = await setup((req, res) => {
    setTimeout(
      () => void Promise.resolve().then(() => res.end(String(ambient()?.retried))),
      req.url === '/slow' ? 20 : 1,
    );
  });
  const replies = await Promise.all([
    ask({ 'mesh-attempt': '2' }, { path: '/slow' }),
    ask({ 'mesh-attempt': '1' }),
    ask({}),
  ]);
  expect(replies.map((reply) => reply.body)).toEqual(['true', 'false', 'false']);
});

test('whatever the mesh headers say, a request is served or refused, and the server lives (F106)', async () => {
  const { ask, port } = await setup();
  const agent = new http.Agent({ keepAlive: true });
  closing.push(() => agent.destroy());
  // What a client can send at all: the others never leave `node:http`.
  const value = fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
  });
  const mesh = ['mesh-target', 'mesh-timeout-ms', 'mesh-attempt', 'mesh-caller', 'mesh-limit'];
  const names = [...mesh, 'traceparent', 'tracestate', 'baggage'];
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...names), value), async (headers) => {
      const { status } = await send(port, { agent, headers });
      expect([200, 421, 504].includes(status)).toBe(true);
    }),
    { numRuns: 300 },
  );
  expect((await ask({})).status).toBe(200);
});

test('requests are counted, and in flight until their response is over', async () => {
  const { ask, metrics, server } = await setup((_, res) => waiting.push(res));
  const waiting: http.ServerResponse[] = [];
  const both = [ask({}), ask({})];
  while (waiting.length < 2) await once(server, 'request');
  expect(metrics.value('inbound_requests')).toBe(2);
  expect(metrics.value('inbound_in_flight')).toBe(2);
  for (const res of waiting) res.end();
  await Promise.all([...both, ...waiting.map((res) => once(res, 'close'))]);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test('a client that goes away leaves nothing behind', async () => {
  const { port, metrics, server } = await setup(() => undefined);
  const client = connect(port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n');
  const [, res] = await once(server, 'request');
  expect(metrics.value('inbound_in_flight')).toBe(1);
  client.destroy();
  await once(res, 'close');
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test('a client that goes away with requests queued on its connection leaves nothing behind', async () => {
  const { port, metrics, server } = await setup((req) => req.resume());
  const client = connect(port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nhost: teams\r\ncontent-length: 1\r\n\r\nx'.repeat(3));
  const [socket] = await once(server, 'connection');
  while (metrics.value('inbound_requests') < 3) await once(server, 'request');
  expect(metrics.value('inbound_in_flight')).toBe(3);
  client.destroy();
  await once(socket, 'close');
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test('queued requests that are answered in turn are counted out one by one', async () => {
  const { port, metrics, server } = await setup();
  const client = connect(port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  const listeners = socket.listenerCount('close');
  client.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n'.repeat(3));
  let text = '';
  client.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  while (text.split('served').length < 4) await once(client, 'data');
  expect(metrics.value('inbound_requests')).toBe(3);
  expect(metrics.value('inbound_in_flight')).toBe(0);
  expect(socket.listenerCount('close')).toBe(listeners);
  client.destroy();
});

test('a request whose client left before the mesh saw it is served, and not counted as in flight', async () => {
  const metrics = new MemoryMetrics();
  const inbound = createInbound({ self, clock: new ManualClock(), metrics });
  const server = http.createServer();
  const port = await listen(server);
  closing.push(() => server.close());
  const client = connect(port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n'.repeat(2));
  const requests: [http.IncomingMessage, http.ServerResponse][] = [];
  server.on('request', (req, res) => requests.push([req, res]));
  while (requests.length < 2) await once(server, 'request');
  client.destroy();
  await once(requests[0]?.[1] ?? server, 'close');
  let served = 0;
  for (const [req, res] of requests) inbound(req, res, () => served++);
  expect(served).toBe(2);
  expect(metrics.value('inbound_in_flight')).toBe(0);
});

test('a listener keeps its this, its result and its errors', async () => {
  const inbound = createInbound({ self, clock: new ManualClock(), metrics: new MemoryMetrics() });
  const broken = new Error('broken');
  const wrapped = inbound.listener(function (this: { name: string }, req: http.IncomingMessage) {
    if (req.url === '/broken') throw broken;
    return `the result of ${this.name}`;
  });
  const outcomes: unknown[] = [];
  const server = http.createServer((req, res) => {
    try {
      outcomes.push(wrapped.call({ name: 'players' }, req, res));
    } catch (error) {
      outcomes.push(error);
    }
    res.end();
  });
  const port = await listen(server);
  closing.push(() => server.close());
  await send(port);
  await send(port, { path: '/broken' });
  expect(outcomes).toEqual(['the result of players', broken]);
});

test('a wrapped listener is as good as the listener to the types', () => {
  const inbound = createInbound({ self, clock: new ManualClock(), metrics: new MemoryMetrics() });
  expectTypeOf(
    inbound.listener((_req: http.IncomingMessage, _res: http.ServerResponse) => {}),
  ).toExtend<http.RequestListener>();
});
