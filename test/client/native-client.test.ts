import { getEventListeners, once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { ConfigError, DeadlineError, type Mesh, meshOf, StatusError, TransportError } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { loadedServer } from '../support/loaded-server.ts';
import { bytes, drip, type Echo, echo, hang, misbehave, reply, resetMidBody, serve, sha } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

async function setup(...servers: Parameters<typeof serve>[0][]) {
  const all = await Promise.all(servers.map((answer) => serve(answer)));
  const mesh = meshOver(all, { health: { failures: 1 } });
  return { mesh, players: mesh.client('players'), servers: all, server: all[0] as (typeof all)[0] };
}

const running = (mesh: Mesh) => mesh.explain('players').endpoints.reduce((sum, one) => sum + one.running, 0);
const healths = (mesh: Mesh) => mesh.explain('players').endpoints.map(({ health }) => health);

test('json, text and bytes are the body of a 2xx', async () => {
  const { players } = await setup(reply(200, '{"name":"Änn"}'));
  expect(await players.get('/').json<{ name: string }>()).toEqual({ name: 'Änn' });
  expect(await players.get('/').text()).toBe('{"name":"Änn"}');
  expect(Buffer.from(await players.get('/').bytes()).toString()).toBe('{"name":"Änn"}');
});

test.each(['json', 'text', 'bytes'] as const)('%s of a 404 rejects with the response and its call', async (of) => {
  const { players, server } = await setup(reply(404, '{"why":"gone"}'));
  const error = await rejection(players.get('/')[of]());
  expect(error instanceof StatusError).toBe(true);
  const { response, message, service } = error as StatusError;
  expect([message, service, response.status]).toEqual(["'players' answered 404", 'players', 404]);
  expect(response.json()).toEqual({ why: 'gone' });
  expect(meshOf(error)?.endpoint).toBe(server.id);
});

test.each(['get', 'head', 'post', 'put', 'patch', 'delete'] as const)('%s sends that method', async (method) => {
  const { players, server } = await setup(reply(200));
  await players[method]('/x');
  expect(server.requests[0]?.method).toBe(method.toUpperCase());
});

test('a query is added to the path, encoded, without what is undefined', async () => {
  const { players } = await setup(echo);
  const query = { 'a&b': 'c d/é', n: 1, yes: true, no: undefined };
  expect((await players.get('/x', { query }).json<Echo>()).url).toBe('/x?a%26b=c+d%2F%C3%A9&n=1&yes=true');
  expect((await players.get('/x?y=1', { query: { z: 2 } }).json<Echo>()).url).toBe('/x?y=1&z=2');
  expect((await players.get('/x', { query: {} }).json<Echo>()).url).toBe('/x');
});

test('json has its type unless the caller names another', async () => {
  const { players } = await setup(echo);
  const headers = { 'Content-Type': 'application/merge-patch+json' };
  const seen = await players.patch('/', { json: null, headers }).json<Echo>();
  expect([seen.headers['content-type'], seen.text]).toEqual(['application/merge-patch+json', 'null']);
});

test.each(['', 'teams', 'http://evil.example/', '/a b', '/ä', '/a\r\nx: y', '/a\u0000'])(
  'the path %j is refused before it is sent (F107)',
  async (path) => {
    const { players, server } = await setup(echo);
    const error = await rejection(players.get(path));
    expect(error instanceof ConfigError).toBe(true);
    expect((error as ConfigError).message).toMatch(/^path must begin with "\/" and hold only visible ASCII/);
    expect(server.requests.length).toBe(0);
  },
);

test.each([
  ['x', 'a\r\nb: c'],
  ['x', 'a\u0000'],
  ['x', '\u2028'],
  ['a b', 'x'],
  ['', 'x'],
  ['content-length', 'four'],
])('the header %j: %j is refused, and speaks against nobody', async (name, value) => {
  const { players, server, mesh } = await setup(echo, echo);
  const error = await rejection(players.get('/', { headers: { [name]: value } }));
  expect(error instanceof ConfigError).toBe(true);
  expect(server.requests.length).toBe(0);
  expect(healths(mesh)).toEqual(['up', 'up']);
  expect(running(mesh)).toBe(0);
});

test.each([
  [{ body: 'x', json: 1 }, 'a call takes body or json, not both'],
  [{ deadlineMs: -1 }, 'deadlineMs must be a number of milliseconds of at least 1, not -1'],
  [{ attempts: 0 }, 'attempts must be an integer of at least 1, not 0'],
  [{ attempts: 1.5 }, 'attempts must be an integer of at least 1, not 1.5'],
])('the options %j are refused, and leave nothing on the signal', async (options, message) => {
  const { players, server } = await setup(echo);
  const { signal } = new AbortController();
  expect(await rejection(players.post('/', { ...options, signal }))).toMatchObject({ code: 'MESH_CONFIG', message });
  expect(getEventListeners(signal, 'abort').length).toBe(0);
  expect(server.requests.length).toBe(0);
});

test('a call may have fewer attempts than its service, not more', async () => {
  const { players, servers } = await setup(reply(503), reply(503), reply(503), reply(503), reply(503));
  const sent = () => servers.reduce((sum, { requests }) => sum + requests.length, 0);
  await players.get('/', { attempts: 1 });
  expect(sent()).toBe(1);
  await players.get('/', { attempts: 50 });
  expect(sent()).toBe(4);
});

test('a call may have a shorter deadline than its service, not a longer', async () => {
  const clock = new ManualClock();
  const server = await serve(hang);
  const mesh = meshOver([server], { clock, deadlineMs: 1_000, attemptTimeoutMs: false, health: { failures: 1 } });
  const players = mesh.client('players');
  const short = rejection(players.get('/', { deadlineMs: 100 }));
  const long = rejection(players.get('/', { deadlineMs: 60_000 }));
  await server.request(2);
  expect(server.requests.map(({ headers }) => headers['mesh-timeout-ms'])).toEqual(['100', '1000']);
  await clock.advance(100);
  expect(await short).toMatchObject({ code: 'MESH_DEADLINE', inherited: false });
  // It was its caller's limit, which says nothing of the endpoint.
  expect(healths(mesh)).toEqual(['up']);
  await clock.advance(900);
  expect((await long) instanceof DeadlineError).toBe(true);
  expect(healths(mesh)).toEqual(['down']);
});

test('a call made for a request never has longer than that has left', async () => {
  const { players, server } = await setup(echo);
  const ambient = { trace: undefined, baggage: '', deadline: performance.now() + 500, retried: false };
  await runAmbient(ambient, () => players.get('/', { deadlineMs: 5_000 }));
  expect(Number(server.requests[0]?.headers['mesh-timeout-ms']) <= 500).toBe(true);
});

test('a POST whose caller says that it may run twice is retried', async () => {
  const { players, servers } = await setup(reply(503), reply(200));
  expect((await players.post('/', { body: 'x', idempotent: true })).status).toBe(200);
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1]);
});

test('a GET whose caller says that it must not run twice is not retried', async () => {
  const { players } = await setup(reply(503), reply(200));
  expect((await players.get('/', { idempotent: false })).status).toBe(503);
});

test('a body of more than 64 MiB is not gathered (F46)', async () => {
  const chunk = Buffer.alloc(1024 * 1024);
  const server = await serve((_req, res) => {
    let left = 70;
    const write = () => {
      while (left-- > 0) if (!res.write(chunk)) return void res.once('drain', write);
      res.end();
    };
    write();
  });
  // On a busy machine so much takes longer than the attempts of the other tests may.
  const mesh = meshOver([server, await serve(echo)], { attemptTimeoutMs: 60_000, deadlineMs: 60_000 });
  const error = await rejection(mesh.client('players').get('/'));
  expect(error instanceof TransportError).toBe(true);
  expect((error as TransportError).message).toMatch(
    /the body is longer than 67108864 bytes; use stream\(\) for such bodies/,
  );
  expect(counted(mesh, 'retries')).toBe(0);
});

test('early hints are not the response', async () => {
  const server = await misbehave((socket) => {
    socket.on('data', () => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody');
    });
  });
  const players = meshOver([server]).client('players');
  const res = await players.get('/');
  expect([res.status, res.text(), res.headers['link']]).toEqual([200, 'body', undefined]);
  const streamed = await players.stream('GET', '/');
  expect([streamed.status, Buffer.concat(await streamed.body.toArray()).toString()]).toEqual([200, 'body']);
});

test.each([
  ['of its own', {}],
  ['like that of a client that went away', { code: 'ECONNRESET' }],
])(
  'a stream that fails while it is sent, with an error %s, fails the call with it and speaks against nobody',
  async (_, more) => {
    const { players, mesh, servers } = await setup(echo, echo);
    const broken = Object.assign(new Error('the disk is gone'), more);
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('some');
        throw broken;
      })(),
    );
    expect(await rejection(players.put('/', { body }))).toBe(broken);
    expect(servers.reduce((sum, { requests }) => sum + requests.length, 0) <= 1).toBe(true);
    expect(healths(mesh)).toEqual(['up', 'up']);
  },
);

test('a stream that failed before it is sent fails the call with its own error', async () => {
  const { players } = await setup(echo);
  const broken = new Error('the file is not there');
  const body = new Readable({ read: () => body.destroy(broken) });
  expect(await rejection(players.put('/', { body }))).toBe(broken);
});

test('a stream that fails while its call still connects fails the call, and not the process', async () => {
  const { players } = await setup(echo);
  await players.get('/');
  const broken = new Error('the file is not there');
  const body = new Readable({ read: () => {} });
  const calls = [rejection(players.put('/', { body })), players.get('/')];
  body.destroy(broken);
  expect((await Promise.all(calls))[0]).toBe(broken);
});

test('a stream is closed when its call failed before all of it was sent', async () => {
  const { players } = await setup((req) => req.socket.destroy());
  const body = new Readable({ read: () => {} });
  body.push('some');
  await rejection(players.post('/', { body }));
  expect(body.destroyed).toBe(true);
});

test('any async iterable can be sent', async () => {
  const { players } = await setup(echo);
  const body = (async function* () {
    yield new Uint8Array([65, 66]);
    yield new Uint8Array([67]);
  })();
  expect((await players.post('/', { body }).json<Echo>()).text).toBe('ABC');
});

test('a streamed response comes as it is read', async () => {
  const all = bytes(5_000_000);
  const { players, server, mesh } = await setup(reply(200, all, { 'x-of': 'the server' }));
  const { status, headers, body } = await players.stream('GET', '/');
  expect([status, headers['x-of']]).toEqual([200, 'the server']);
  expect(meshOf({ response: body })?.endpoint).toBe(undefined);
  expect(running(mesh)).toBe(1);
  expect(sha(Buffer.concat(await body.toArray()))).toBe(sha(all));
  expect(running(mesh)).toBe(0);
  expect(server.requests.length).toBe(1);
});

test('a streamed response is retried like any other, until its body is handed on', async () => {
  const { players, servers } = await setup(reply(503, bytes(300_000)), reply(200, 'fine'));
  const res = await players.stream('GET', '/');
  expect(res.status).toBe(200);
  expect(meshOf(res)?.attempts.length).toBe(2);
  expect(Buffer.concat(await res.body.toArray()).toString()).toBe('fine');
  await until(() => (servers[0]?.open() ?? 0) === 0); // the unread body of the 503 holds no connection (F80)
});

test('a streamed response is sent no faster than it is read', async () => {
  let sent = 0;
  const { players } = await setup((_req, res) => {
    const chunk = Buffer.alloc(64 * 1024);
    const write = () => {
      while (!res.destroyed) {
        sent += chunk.length;
        if (!res.write(chunk)) return void res.once('drain', write);
      }
    };
    write();
  });
  const { body } = await players.stream('GET', '/');
  await once(body, 'readable');
  // It stops by itself: after what fits into the buffers of two sockets and a stream.
  let before = -1;
  while (sent !== before) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(sent < 32 * 1024 * 1024).toBe(true);
  body.destroy();
});

test('a streamed response that is given up frees its connection, and speaks against nobody (F80)', async () => {
  const { players, server, mesh } = await setup(drip, echo);
  const { body } = await players.stream('GET', '/');
  body.destroy();
  await (await server.request(1)).closed;
  expect(running(mesh)).toBe(0);
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('a reader of a streamed response that fails speaks against nobody', async () => {
  const { players, server, mesh } = await setup(drip, echo);
  const { body } = await players.stream('GET', '/');
  const full = new Error('the disk is full');
  const disk = new Writable({ write: (_chunk, _encoding, done) => done(full) });
  expect(await rejection(pipeline(body, disk))).toBe(full);
  await (await server.request(1)).closed;
  expect(running(mesh)).toBe(0);
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('a streamed response that nobody reads may run out of time; whoever reads it later hears why', async () => {
  const clock = new ManualClock();
  const server = await serve(drip);
  const mesh = meshOver([server], { clock, attemptTimeoutMs: 500 });
  const { body } = await mesh.client('players').stream('GET', '/');
  await clock.advance(500);
  await until(() => body.destroyed);
  const error = await rejection(body.toArray());
  expect(error).toMatchObject({ code: 'MESH_ATTEMPT_TIMEOUT' });
});

test('a streamed response that breaks off fails its reader, and speaks against the endpoint (F44)', async () => {
  const { players, server, mesh } = await setup(resetMidBody, echo);
  const { body } = await players.stream('GET', '/');
  expect((await rejection(body.toArray())) instanceof TransportError).toBe(true);
  expect(mesh.explain('players').endpoints.find(({ id }) => id === server.id)?.health).toBe('down');
});

test('a streamed response can be given up by the signal of its caller', async () => {
  const { players, server, mesh } = await setup(drip, echo);
  const controller = new AbortController();
  const { body } = await players.stream('GET', '/', { signal: controller.signal });
  const reading = rejection(body.toArray());
  const reason = new Error('enough');
  controller.abort(reason);
  expect(await reading).toMatchObject({ code: 'MESH_CANCELLED', cause: reason });
  await (await server.request(1)).closed;
  expect(getEventListeners(controller.signal, 'abort').length).toBe(0);
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('a stream goes up and another comes down at the same time', async () => {
  const { players } = await setup((req, res) => req.pipe(res));
  const all = bytes(5_000_000);
  const { body } = await players.stream('POST', '/', {
    body: Readable.from([all.subarray(0, 1_000), all.subarray(1_000)]),
  });
  expect(sha(Buffer.concat(await body.toArray()))).toBe(sha(all));
});

test('a call is a promise like any other', async () => {
  const { players } = await setup(reply(200, 'x'));
  const order: string[] = [];
  await players.get('/').finally(() => order.push('finally'));
  expect(await players.get('/').then(({ status }) => status)).toBe(200);
  expect(await players.get('no').catch(() => 'caught')).toBe('caught');
  expect(String(players.get('/'))).toBe('[object Call]');
  expect(order).toEqual(['finally']);
  const [a, b] = await Promise.all([players.get('/'), players.get('/').text()]);
  expect([a.status, b]).toEqual([200, 'x']);
});

test('a stream whose length the caller knows asks no server to refuse it: it could not be sent again', async () => {
  const busy = await loadedServer(6);
  const idle = await loadedServer(0);
  const clock = new ManualClock();
  const retry = { attempts: 2, baseMs: 0, maxMs: 0 };
  const mesh = meshOver([busy, idle], { clock, balancer: { kind: 'recall', softNack: true }, retry });
  const players = mesh.client('players');
  await players.get('/'); // to hear of the load of both
  expect(meshOf(await players.get('/'))?.attempts.map(({ endpoint }) => endpoint)).toEqual([busy.id, idle.id]);
  const body = bytes(1_000);
  const options = { body: Readable.from([body]), headers: { 'content-length': '1000' } };
  const seen = await players.post('/', options).json<Echo>();
  expect(seen.hash).toBe(sha(body));
  expect(busy.requests.at(-1)?.headers['mesh-limit']).toBe(undefined);
});
