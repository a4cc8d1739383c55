import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Events } from '../../src/core/events.ts';
import type { RegisterOptions } from '../../src/server/register-options.ts';
import { Registrations } from '../../src/server/registrations.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { FakeRegistry, listen, self, send } from './support.ts';

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function setup(serve: http.RequestListener = (_, res) => res.end('served'), options: RegisterOptions = {}) {
  const clock = new ManualClock();
  const registry = new FakeRegistry();
  const drainedBy: (NodeJS.Signals | undefined)[] = [];
  const faults: unknown[] = [];
  const events = new Events();
  events.on('fault', ({ error }) => faults.push(error));
  const registrations = new Registrations({
    self,
    registry,
    clock,
    events,
    metrics: new MemoryMetrics(),
    onDrained: (signal) => {
      drainedBy.push(signal);
      if (serve === brokenEnd) throw new Error('broken');
    },
  });
  const server = http.createServer(serve);
  const port = await listen(server);
  const registration = await registrations.register({ server, signals: false, ...options });
  const agent = new http.Agent({ keepAlive: true });
  closing.push(
    () => agent.destroy(),
    () => server.close(),
    () => server.closeAllConnections?.(),
  );
  let drained = false;
  void registration.drained.then(() => {
    drained = true;
  });
  return { clock, registry, server, port, agent, registration, registrations, drainedBy, faults, over: () => drained };
}

const brokenEnd: http.RequestListener = (_, res) => res.end();

test('a drain leaves the registry, goes on accepting for its notice, then closes the port (F35)', async () => {
  const { clock, registry, server, port, registration, over, drainedBy } = await setup();
  const drained = registration.drain();
  expect(registry.said).toEqual(['announce teams-1', 'leave teams-1']);
  expect(registration.state).toBe('draining');
  await clock.advance(1_499);
  expect((await send(port)).body).toBe('served');
  expect(over()).toBe(false);
  await clock.advance(1);
  await drained;
  expect(server.listening).toBe(false);
  await expect(send(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(registration.state).toBe('drained');
  expect(drainedBy).toEqual([undefined]);
  expect(clock.pending).toBe(0);
});

test('during the notice every response ends its connection, and none before (F35)', async () => {
  const { port, agent, registration } = await setup();
  expect((await send(port, { agent })).headers.connection).toBe('keep-alive');
  void registration.drain();
  expect((await send(port, { agent })).headers.connection).toBe('close');
  expect((await send(port, { agent })).headers.connection).toBe('close');
});

test('a response that was begun before the drain ends its connection too', async () => {
  const { server, port, agent, registration } = await setup((_, res) => waiting.push(res));
  const waiting: http.ServerResponse[] = [];
  const reply = send(port, { agent });
  await once(server, 'request');
  void registration.drain();
  waiting[0]?.end('late');
  expect((await reply).headers.connection).toBe('close');
  expect((await reply).body).toBe('late');
});

test('of the responses queued on one connection none is lost to the notice', async () => {
  const { server, port, registration } = await setup((_, res) => waiting.push(res));
  const waiting: http.ServerResponse[] = [];
  const client = net.connect(port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: teams\r\n\r\n'.repeat(3));
  let text = '';
  client.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  while (waiting.length < 3) await once(server, 'request');
  void registration.drain();
  for (const res of waiting) res.end('queued');
  await once(client, 'close');
  expect(text.split('queued').length - 1).toBe(3);
});

test('what is in flight when the port closes is finished, and then the drain is over at once', async () => {
  const { clock, server, port, agent, registration, over } = await setup((_, res) => waiting.push(res));
  const waiting: http.ServerResponse[] = [];
  const reply = send(port, { agent });
  await once(server, 'request');
  void registration.drain();
  await clock.advance(1_500);
  expect(server.listening).toBe(false);
  await clock.advance(9_999);
  expect(over()).toBe(false);
  waiting[0]?.end('late');
  expect((await reply).body).toBe('late');
  await registration.drained;
  expect(clock.pending).toBe(0);
});

test('what is not finished in its time is cut off', async () => {
  const { clock, server, port, registration, over } = await setup(() => undefined);
  const reply = send(port).catch((error: unknown) => error);
  await once(server, 'request');
  void registration.drain();
  await clock.advance(11_499);
  expect(over()).toBe(false);
  await clock.advance(1);
  await registration.drained;
  expect(await reply).toMatchObject({ code: 'ECONNRESET' });
});

test('a response whose head was out before the drain does not hold its connection open afterwards', async () => {
  const { clock, server, port, agent, registration } = await setup((_, res) => {
    res.write('first ');
    waiting.push(res);
  });
  const waiting: http.ServerResponse[] = [];
  const reply = send(port, { agent });
  await once(server, 'request');
  void registration.drain();
  await clock.advance(1_500);
  waiting[0]?.end('last');
  expect((await reply).body).toBe('first last');
  await registration.drained;
});

test('a large response on its way to a slow client is not cut when the port closes', async () => {
  const size = 30_000_000;
  const { clock, port, server, registration } = await setup((_, res) => res.end(Buffer.alloc(size, 'x')));
  const [res] = await once(http.get({ host: '127.0.0.1', port, agent: false }), 'response');
  void registration.drain();
  await clock.advance(1_500);
  expect(server.listening).toBe(true); // still: `close` of Node would cut the connection
  let received = 0;
  for await (const chunk of res) received += chunk.length;
  expect(received).toBe(size);
  await registration.drained;
  expect(server.listening).toBe(false);
});

test('a client that never reads is cut after its time', async () => {
  const { clock, port, registration } = await setup((_, res) => res.end(Buffer.alloc(30_000_000)));
  const [res] = await once(http.get({ host: '127.0.0.1', port, agent: false }), 'response');
  const cut = once(res, 'error');
  void registration.drain();
  await clock.advance(1_500);
  await clock.advance(10_000);
  await registration.drained;
  res.resume();
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
});

test('an idle connection is closed with the port', async () => {
  const { clock, port, agent, registration } = await setup();
  await send(port, { agent });
  void registration.drain();
  await clock.advance(1_500);
  await registration.drained;
});

test('an upgraded connection belongs to the application: it is not cut, and not waited for longer than the rest', async () => {
  const { clock, server, port, registration } = await setup();
  server.on('upgrade', (_, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  );
  const request = http.get({ host: '127.0.0.1', port, agent: false, headers: { connection: 'upgrade', upgrade: 'x' } });
  const [, socket] = await once(request, 'upgrade');
  closing.push(() => socket.destroy());
  void registration.drain();
  await clock.advance(11_500);
  await registration.drained;
  expect(socket.destroyed).toBe(false);
});

test('the times of the notice and of the finish are options', async () => {
  const { clock, server, port, registration, over } = await setup(() => undefined, {
    drain: { noticeMs: 20, finishMs: 30 },
  });
  send(port).catch(() => undefined);
  await once(server, 'request');
  void registration.drain();
  await clock.advance(19);
  expect(server.listening).toBe(true);
  await clock.advance(1);
  expect(server.listening).toBe(false);
  await clock.advance(29);
  expect(over()).toBe(false);
  await clock.advance(1);
  await registration.drained;
});

test('to drain twice is to drain once', async () => {
  const { clock, registry, registration, drainedBy } = await setup();
  expect(registration.drain()).toBe(registration.drain());
  await Promise.all([clock.advance(1_500), registration.drained]);
  await registration.drain();
  expect(registry.said).toEqual(['announce teams-1', 'leave teams-1']);
  expect(drainedBy).toEqual([undefined]);
});

test.each([
  ['never answers', () => new Promise<void>(() => undefined)],
  ['fails', () => Promise.reject(new Error('READONLY'))],
])('a registry that %s at the end does not hold up the drain (F37)', async (_, leaving) => {
  const { clock, registry, registration } = await setup();
  registry.leaving = leaving();
  void registration.drain();
  await clock.advance(1_500);
  await registration.drained;
  expect(clock.pending).toBe(0);
});

test('without a notice the drain still waits a second for the registry to hear of it', async () => {
  const { clock, registry, registration, over } = await setup(undefined, { drain: { noticeMs: 0 } });
  const { promise, resolve } = Promise.withResolvers<void>();
  registry.leaving = promise;
  void registration.drain();
  await clock.advance(900);
  expect(over()).toBe(false);
  resolve();
  await registration.drained;
});

test('a port without a server is withdrawn, and its callers are given the notice to hear of it', async () => {
  const { clock, registry, registrations } = await setup();
  const registration = await registrations.register({ port: 4000 });
  void registration.drain();
  await clock.advance(1_499);
  expect(registration.state).toBe('draining');
  await clock.advance(1);
  await registration.drained;
  expect(registry.said.at(-1)).toMatch(/^leave teams-1-4000$/);
});

test('a server of node:net is drained as well', async () => {
  const { clock, registrations } = await setup();
  const server = net.createServer((socket) => socket.end());
  await listen(server);
  const registration = await registrations.register({ server });
  void registration.drain();
  await clock.advance(1_500);
  await registration.drained;
  expect(server.listening).toBe(false);
});

test('a server of node:http2 is drained, and is not sent the header that HTTP/2 forbids', async () => {
  const { clock, registrations } = await setup();
  const server = http2.createServer((_, res) => res.end('served'));
  const port = await listen(server);
  const registration = await registrations.register({ server, signals: false });
  void registration.drain();
  const client = http2.connect(`http://127.0.0.1:${port}`);
  closing.push(() => client.destroy());
  const [headers] = await once(client.request({ ':path': '/' }), 'response');
  expect([headers[':status'], headers['connection']]).toEqual([200, undefined]);
  await clock.advance(11_500);
  await registration.drained;
  expect(server.listening).toBe(false);
});

/** As Node 22 has it, which leaves the connections of HTTP/2 open. */
const closePortOnly = { close: net.Server.prototype.close };

test.each([
  ['closes its connections with its port', {}],
  ['closes its port alone', closePortOnly],
])('F75: a server of HTTP/2 that %s answers what is under way, runs nothing twice and nothing new', async (_, as) => {
  const { clock, registrations } = await setup();
  const waiting: http2.Http2ServerResponse[] = [];
  const server = Object.assign(
    http2.createServer((__, res) => waiting.push(res)),
    as,
  );
  const port = await listen(server);
  const connect = async () => {
    const client = http2.connect(`http://127.0.0.1:${port}`);
    closing.push(() => client.destroy());
    const ended = once(client, 'goaway');
    await once(client, 'remoteSettings');
    return { client, ended };
  };
  const before = await connect(); // older than what drains it, which hears of it by its requests
  const registration = await registrations.register({ server, signals: false });
  const idle = await connect();
  const post = async () => {
    const stream = before.client.request({ ':method': 'POST', ':path': '/' });
    stream.resume().end('x');
    const [headers] = await once(stream, 'response');
    return headers[':status'];
  };
  const burst = Array.from({ length: 40 }, post);
  while (waiting.length < 40) await once(server, 'request');
  void registration.drain();
  await clock.advance(1_500);
  await idle.ended;
  for (const res of waiting) res.end('served');
  expect(await Promise.all(burst)).toEqual(Array(40).fill(200));
  await before.ended;
  await registration.drained;
  await expect(post()).rejects.toThrow();
  expect([waiting.length, clock.pending]).toEqual([40, 0]);
});

test('F75: over HTTP/2, too, what is not finished in its time is cut off', async () => {
  const { clock, registrations } = await setup();
  const server = http2.createServer(() => {});
  const port = await listen(server);
  const registration = await registrations.register({ server, signals: false });
  const client = http2.connect(`http://127.0.0.1:${port}`);
  closing.push(() => client.destroy());
  const stream = client.request({ ':path': '/' }).on('error', () => {});
  const closed = once(stream, 'close');
  await once(server, 'request');
  void registration.drain();
  await clock.advance(11_499);
  expect(stream.closed).toBe(false);
  await clock.advance(1);
  await registration.drained;
  await closed;
});

test('F75: a connection of HTTP/2 that is made while a response still keeps the port open is ended at once', async () => {
  const { clock, registrations } = await setup();
  const server = http2.createServer((_, res) => res.end(Buffer.alloc(30_000_000)));
  const port = await listen(server);
  const registration = await registrations.register({ server, signals: false });
  const connect = () => {
    const client = http2.connect(`http://127.0.0.1:${port}`).on('error', () => {});
    closing.push(() => client.destroy());
    return client;
  };
  const slow = connect()
    .request({ ':path': '/' })
    .on('error', () => {}); // nobody reads it
  await once(slow, 'response');
  void registration.drain();
  await clock.advance(1_500);
  expect(server.listening).toBe(true);
  await once(connect(), 'goaway');
  await clock.advance(10_000);
  await registration.drained;
});

test('a port is closed in the end, whoever does not read and whatever cannot be cut', async () => {
  const { clock, port, server, registration } = await setup((_, res) => res.end(Buffer.alloc(30_000_000)));
  Object.assign(server, { closeAllConnections: undefined }); // as servers of HTTP/2 are
  const [res] = await once(http.get({ host: '127.0.0.1', port, agent: false }), 'response');
  closing.push(() => res.destroy());
  void registration.drain();
  await clock.advance(11_500);
  await registration.drained;
  expect(server.listening).toBe(false);
});

test('a server that the application closes during the notice is waited for', async () => {
  const { clock, server, port, registration, over } = await setup((_, res) => waiting.push(res));
  const waiting: http.ServerResponse[] = [];
  const reply = send(port);
  await once(server, 'request');
  void registration.drain();
  server.close();
  await clock.advance(1_500);
  expect(over()).toBe(false);
  waiting[0]?.end('late');
  expect((await reply).body).toBe('late');
  await registration.drained;
});

test('after a drain no listener of ours is left (F92)', async () => {
  const plain = http.createServer(brokenEnd);
  await listen(plain);
  plain.close();
  const signalled = process.listenerCount('SIGTERM');
  const { clock, server, registration } = await setup(brokenEnd, { signals: true });
  void registration.drain();
  await clock.advance(1_500);
  await registration.drained;
  for (const name of [...server.eventNames(), 'request', 'close'])
    expect([name, server.listenerCount(name)]).toEqual([name, plain.listenerCount(name)]);
  expect(process.listenerCount('SIGTERM')).toBe(signalled);
});

test('what the end of a drain throws is reported, and nothing else', async () => {
  const { clock, registration, faults } = await setup(brokenEnd);
  void registration.drain();
  await clock.advance(1_500);
  await registration.drained;
  await clock.advance(0);
  expect(faults).toEqual([new Error('broken')]);
});

test('the first signal begins the drain, and the second finds no listener of ours (F36)', async () => {
  const before = process.listenerCount('SIGUSR2');
  const { clock, registration, drainedBy } = await setup(undefined, { signals: ['SIGUSR2', 'SIGHUP'] });
  expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
  process.emit('SIGUSR2', 'SIGUSR2');
  expect(registration.state).toBe('draining');
  expect(process.listenerCount('SIGUSR2')).toBe(before);
  expect(process.listenerCount('SIGHUP')).toBe(0);
  await clock.advance(1_500);
  await registration.drained;
  expect(drainedBy).toEqual(['SIGUSR2']);
});
