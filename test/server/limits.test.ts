import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { ambient } from '../../src/core/ambient.ts';
import { Events } from '../../src/core/events.ts';
import { createInbound } from '../../src/server/inbound.ts';
import { createLimits } from '../../src/server/limit/inbound-limits.ts';
import { type InboundOptions, resolveInbound } from '../../src/server/limit/limit-options.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { listen, self, send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const CALLER = { 'mesh-caller': 'players' };
const one = { initial: 1, min: 1, max: 1 };

/** A server whose requests wait for the test to answer them. */
async function setup(options: InboundOptions, around: (run: () => void) => void = (run) => run()) {
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const events = new Events();
  const faults: unknown[] = [];
  events.on('fault', ({ error }) => faults.push(error));
  const limits = createLimits(resolveInbound('inbound', options), { clock, random: seededRandom(1), metrics, events });
  const inbound = createInbound({ self, clock, metrics, limits });
  const waiting: http.ServerResponse[] = [];
  const served: (string | undefined)[] = [];
  let onServed = () => {};
  const server = http.createServer((req, res) =>
    around(() =>
      inbound(req, res, () => {
        served.push(req.url);
        waiting.push(res);
        onServed();
      }),
    ),
  );
  const port = await listen(server);
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const ask = (headers: http.OutgoingHttpHeaders = {}, path = '/') => {
    const reply = send(port, { headers, path });
    reply.catch(() => {});
    return reply;
  };
  /** Resolves once so many were served. */
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      onServed = () => (served.length >= count ? resolve() : undefined);
      onServed();
    });
  const refused = (reason: string) => metrics.value('inbound_refused', { reason });
  return { clock, metrics, server, port, ask, arrived, waiting, served, refused, faults };
}

/** Sends a request over a connection of its own, and leaves, before either side had a turn. */
function askAndLeave(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: teams\r\n\r\n`);
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve());
  });
}

test('F85: whoever had left when its connection was accepted is not worked for', async () => {
  const { ask, port, arrived, served, waiting, metrics } = await setup({ limit: {} });
  await Promise.all(Array.from({ length: 5 }, () => askAndLeave(port, '/left')));
  const reply = ask({}, '/stays');
  await arrived(1);
  waiting[0]?.end();
  expect((await reply).status).toBe(200);
  expect(served).toEqual(['/stays']);
  expect(metrics.value('inbound_abandoned')).toBe(5);
});

test('what is sent behind the first request of a connection is served behind it', async () => {
  const { port, arrived, served, waiting } = await setup({ limit: {} });
  const socket = net.connect(port, '127.0.0.1');
  socket.write('GET /1 HTTP/1.1\r\nhost: teams\r\n\r\nGET /2 HTTP/1.1\r\nhost: teams\r\n\r\n');
  await arrived(2);
  for (const res of waiting) res.end(res.req.url);
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.includes('/2')) break;
  }
  expect(served).toEqual(['/1', '/2']);
  expect(text.indexOf('/1')).toBeLessThan(text.indexOf('/2'));
});

test('what is beyond the limit is refused before any work, so that a caller may send it elsewhere', async () => {
  const { ask, arrived, served, refused, clock, waiting } = await setup({ limit: one });
  const before = ask(CALLER);
  await arrived(1);
  await clock.advance(8);
  waiting[0]?.end();
  await before;
  void ask();
  await arrived(2);
  const stranger = await ask();
  expect(stranger.status).toBe(503);
  expect(stranger.headers['mesh-nack']).toBe('overloaded');
  expect(stranger.headers['retry-after']).toBe('1');
  expect(stranger.body).toBe("'teams' has as many requests as it can serve in time\n");
  const caller = await ask(CALLER);
  expect(caller.status).toBe(503);
  expect(caller.headers['retry-after']).toBeUndefined();
  expect(caller.headers['mesh-load']).toBe('1;8');
  expect(served.length).toBe(2);
  expect(refused('overloaded')).toBe(2);
});

test('a request that is over, or whose client went away, makes room', async () => {
  const { ask, arrived, waiting, server, port } = await setup({ limit: one });
  const first = ask();
  await arrived(1);
  waiting[0]?.end();
  await first;
  const gone = http.get({ port, host: '127.0.0.1', agent: false });
  gone.on('error', () => {});
  await arrived(2);
  gone.destroy();
  if (waiting[1] !== undefined && !waiting[1].closed) await once(waiting[1], 'close');
  void ask();
  await arrived(3);
  expect(server.listening).toBe(true);
});

test.each([
  '/health',
  '/healthz?deep',
  '/livez',
  '/readyz',
  '/metrics',
  '/health/',
  '/health/ready',
  '/healthz/db-1?of=/../x',
  '/readyz/post-start/rbac.v1',
])('F87: a request for %s is behind no limit and counts for none', async (path) => {
  const { ask, arrived, waiting } = await setup({ limit: one, rate: { perSecond: 1 } });
  void ask();
  await arrived(1);
  const checked = [ask({}, path), ask({}, path)];
  await arrived(3);
  waiting[1]?.end();
  waiting[2]?.end();
  expect((await Promise.all(checked)).map(({ status }) => status)).toEqual([200, 200]);
});

test.each([
  '/healthy',
  '/x/health',
  '/',
  // What an application may take for another path.
  '/health/../orders',
  '/health/x/..',
  '/health/%2e%2e/orders',
  '/health/.%2E/orders',
  '/health/..\\orders',
  '/health\\..\\orders',
])('a request for %s is behind them', async (path) => {
  const { ask, arrived } = await setup({ limit: one });
  void ask();
  await arrived(1);
  expect((await ask({}, path)).status).toBe(503);
});

test('the application says what is exempt; when it throws the request is not, and that is told once', async () => {
  let broken = false;
  const exempt = ({ url }: http.IncomingMessage) => {
    if (broken) throw new Error('broken');
    return url === '/control';
  };
  const { ask, arrived, faults } = await setup({ limit: one, exempt });
  void ask();
  await arrived(1);
  void ask({}, '/control');
  await arrived(2);
  broken = true;
  expect((await ask({}, '/control')).status).toBe(503);
  expect((await ask({}, '/control')).status).toBe(503);
  expect(faults).toEqual([new Error('broken')]);
});

test('each caller has a rate of its own, and is told when to come again', async () => {
  const { ask, arrived, clock, refused } = await setup({ rate: { perSecond: 0.4, burst: 2 } });
  void ask(CALLER);
  void ask(CALLER);
  await arrived(2);
  const reply = await ask(CALLER);
  expect(reply.status).toBe(429);
  expect(reply.headers['mesh-nack']).toBe('rate');
  expect(reply.headers['retry-after']).toBe('3');
  expect(refused('rate')).toBe(1);
  void ask({ 'mesh-caller': 'referees' });
  void ask(); // a stranger, by its address
  await arrived(4);
  void ask({ 'mesh-caller': 'No Name!' });
  await arrived(5);
  expect((await ask()).status).toBe(429);
  await clock.advance(2_500);
  void ask(CALLER);
  await arrived(6);
});

test('a caller that is refused for its rate takes nothing of the limit', async () => {
  const { ask, arrived } = await setup({ limit: one, rate: { perSecond: 1 } });
  void ask(CALLER);
  await arrived(1);
  expect((await ask(CALLER)).status).toBe(429);
  expect((await ask({ 'mesh-caller': 'referees' })).status).toBe(503);
});

test('who waits is served as its own request, with the time that it has left by then', async () => {
  const storage = new AsyncLocalStorage<number>();
  let request = 0;
  const seen: unknown[] = [];
  const { ask, arrived, waiting, clock, metrics } = await setup({ limit: { ...one, queue: {} } }, (run) =>
    storage.run(++request, run),
  );
  const first = ask();
  await arrived(1);
  const start = clock.now();
  const second = ask({ 'mesh-timeout-ms': '500' });
  while (metrics.value('inbound_waiting') === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(20);
  const original = waiting.push.bind(waiting);
  waiting.push = (...added) => {
    seen.push(storage.getStore(), ambient()?.deadline);
    return original(...added);
  };
  waiting[0]?.end();
  await first;
  await arrived(2);
  expect(seen).toEqual([2, start + 500]);
  waiting[1]?.end();
  expect((await second).status).toBe(200);
  expect(clock.pending).toBe(0);
});

test('F67: one whose time is over when its turn comes is refused before any work', async () => {
  const { ask, arrived, waiting, clock, metrics, served, refused } = await setup({ limit: { ...one, queue: {} } });
  void ask();
  await arrived(1);
  const late = ask({ 'mesh-timeout-ms': '10' });
  while (metrics.value('inbound_waiting') === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(10);
  waiting[0]?.end();
  const reply = await late;
  expect(reply.status).toBe(504);
  expect(reply.headers['mesh-nack']).toBe('expired');
  expect(served.length).toBe(1);
  expect(refused('expired')).toBe(1);
  void ask();
  await arrived(2);
});

test.each([
  [{ 'mesh-priority': 'sheddable' }, 'sheddable'],
  [{ 'mesh-priority': 'sheddable', ...CALLER }, 'sheddable'],
  [{ 'mesh-priority': 'critical', ...CALLER }, 'critical'],
  [{ 'mesh-priority': 'critical' }, 'default'],
  [{ 'mesh-priority': 'Critical', ...CALLER }, 'default'],
  [{ ...CALLER }, 'default'],
])('a request with %o is %s: a stranger may only say that it matters less', async (headers, priority) => {
  const { ask, arrived, metrics } = await setup({ limit: one });
  void ask();
  await arrived(1);
  await ask(headers);
  expect(metrics.value('inbound_shed', { priority })).toBe(1);
});

test.each([
  [{ limit: true }, 'inbound.limit must be an object, not true'],
  [{ rate: {} }, 'inbound.rate.perSecond must be a number of at most 1000000, not undefined'],
  [{ rate: { perSecond: 0 } }, 'inbound.rate.perSecond must be a number above 0, not 0'],
  [{ rate: { perSecond: 1, burst: 0 } }, 'inbound.rate.burst must be a number from 1 to 1000000, not 0'],
  [{ exempt: '/health' }, "inbound.exempt must be a function, not '/health'"],
  [{ limits: {} }, "inbound has no option 'limits'; it knows limit, rate, exempt"],
])('%o is refused', (options, message) => {
  expect(() => resolveInbound('inbound', options as InboundOptions)).toThrow(message); // as plain JavaScript might give it
});
