import { getEventListeners, once } from 'node:events';
import http from 'node:http';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import got, { HTTPError, ParseError, ReadError, RequestError, TimeoutError } from 'got';
import { afterEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { type Mesh, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import {
  type Answer,
  bytes,
  drip,
  type Echo,
  echo,
  hang,
  misbehave,
  nobody,
  reply,
  replyAtOnce,
  resetMidBody,
  serve,
  sha,
} from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

async function setup(...answers: Answer[]) {
  const servers = await Promise.all(answers.map((answer) => serve(answer)));
  const mesh = meshOver(servers, { health: { failures: 1 } });
  return { mesh, http: mesh.wrap(got), servers, server: servers[0] as (typeof servers)[0] };
}

const healths = (mesh: Mesh) => mesh.explain('players').endpoints.map(({ health }) => health);
const meshHeaders = (headers: object) => Object.keys(headers).filter((name) => /^(mesh-|traceparent)/.test(name));

test('json, text and buffer give the body', async () => {
  const { http } = await setup(reply(200, '{"name":"Ann"}'));
  expect(await http('http://players/').json()).toEqual({ name: 'Ann' });
  expect(await http('http://players/').text()).toBe('{"name":"Ann"}');
  expect(Buffer.from(await http('http://players/').buffer()).toString()).toBe('{"name":"Ann"}');
});

test('responseType and resolveBodyOnly give the body', async () => {
  const { http } = await setup(reply(200, '{"name":"Ann"}'));
  expect((await http('http://players/', { responseType: 'json' })).body).toEqual({ name: 'Ann' });
  expect(await http('http://players/', { responseType: 'json', resolveBodyOnly: true })).toEqual({ name: 'Ann' });
});

test('a body that is no JSON is a ParseError of got', async () => {
  const { http } = await setup(reply(200, 'oops'));
  expect((await rejection(http('http://players/').json())) instanceof ParseError).toBe(true);
});

test('a 404 is an HTTPError of got, which knows its call', async () => {
  const { http, server } = await setup(reply(404, 'gone'));
  const error = await rejection(http('http://players/teams/42'));
  expect(error instanceof HTTPError).toBe(true);
  const { response, code, message } = error as HTTPError;
  expect([code, response.statusCode, response.body]).toEqual(['ERR_NON_2XX_3XX_RESPONSE', 404, 'gone']);
  expect(message).toMatch(/404.*http:\/\/players\/teams\/42/);
  expect(meshOf(error)?.endpoint).toBe(server.id);
});

test('a 404 without throwHttpErrors is a response', async () => {
  const { http } = await setup(reply(404, 'gone'));
  const res = await http('http://players/', { throwHttpErrors: false });
  expect([res.statusCode, res.ok, res.body]).toEqual([404, false, 'gone']);
});

test('the response has the URL of the service, timings, the address it came from and no retries of got', async () => {
  const { http } = await setup(reply(503), reply(200));
  const res = await http('http://players/teams/42?x=1');
  expect(res.url).toBe('http://players/teams/42?x=1');
  expect(String(res.requestUrl)).toBe('http://players/teams/42?x=1');
  expect(res.retryCount).toBe(0);
  expect(res.ip).toBe('127.0.0.1');
  for (const at of ['start', 'socket', 'upload', 'response', 'end'] as const)
    expect(typeof res.timings?.[at]).toBe('number');
  expect(typeof res.timings?.phases.total).toBe('number');
});

test('hooks run in their order, and what beforeRequest sets is sent', async () => {
  const { http } = await setup(echo);
  const order: string[] = [];
  const res = await http('http://players/', {
    hooks: {
      init: [() => void order.push('init')],
      beforeRequest: [
        (options) => {
          order.push('beforeRequest');
          options.headers['x-token'] = 'secret';
        },
      ],
      afterResponse: [
        (response) => {
          order.push('afterResponse');
          return response;
        },
      ],
    },
  }).json<Echo>();
  expect(order).toEqual(['init', 'beforeRequest', 'afterResponse']);
  expect(res.headers['x-token']).toBe('secret');
});

test('beforeError sees the error of got and may replace it', async () => {
  const { http } = await setup(reply(500));
  const mine = new Error('mine');
  const seen: unknown[] = [];
  const hooks = {
    beforeError: [
      (error: Error) => {
        seen.push(error);
        return mine;
      },
    ],
  };
  expect(await rejection(http('http://players/', { hooks }))).toBe(mine);
  expect(seen[0] instanceof HTTPError).toBe(true);
});

test('a hook that asks again with a new token is served through the mesh', async () => {
  const { http, server } = await setup((req, res) => {
    res.writeHead(req.headers.authorization === 'new' ? 200 : 401).end();
  });
  const res = await http('http://players/', {
    headers: { authorization: 'old' },
    hooks: {
      afterResponse: [
        (response, retry) => (response.statusCode === 401 ? retry({ headers: { authorization: 'new' } }) : response),
      ],
    },
  });
  expect(res.statusCode).toBe(200);
  expect(server.requests.map(({ headers }) => [headers.authorization, headers['mesh-caller']])).toEqual([
    ['old', 'teams'],
    ['new', 'teams'],
  ]);
});

test.each([
  ['wrapped and then extended', (mesh: Mesh) => mesh.wrap(got).extend({ prefixUrl: 'http://players/api' })],
  ['extended and then wrapped', (mesh: Mesh) => mesh.wrap(got.extend({ prefixUrl: 'http://players/api' }))],
  ['wrapped twice', (mesh: Mesh) => mesh.wrap(mesh.wrap(got)).extend({ prefixUrl: 'http://players/api' })],
])('prefixUrl and searchParams of a got that was %s make the URL, and its calls are retried', async (_, make) => {
  const { mesh, servers } = await setup(reply(503), echo);
  const http = make(mesh);
  const seen = await http.get('teams/42', { searchParams: { q: 'a b', n: 1 } }).json<Echo>();
  expect(seen.url).toBe('/api/teams/42?q=a+b&n=1');
  expect(seen.headers['mesh-attempt']).toBe('2');
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1]);
});

test('handlers of an extended got run around the whole call, whichever attempts it takes', async () => {
  const { http, servers } = await setup(reply(503), reply(200));
  let runs = 0;
  const counting = http.extend({
    handlers: [
      (options, next) => {
        runs++;
        return next(options);
      },
    ],
  });
  await counting('http://players/');
  expect(runs).toBe(1);
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1]);
});

test('username and password of the URL arrive, whichever endpoint answers', async () => {
  const { http } = await setup(reply(503), echo);
  const { headers } = await http('http://ann:secret@players/').json<Echo>();
  expect(headers.authorization).toBe(`Basic ${Buffer.from('ann:secret').toString('base64')}`);
  expect(headers.host).toBe('players');
});

test('retry.limit 0 turns the retries of the mesh off for that call', async () => {
  const { http, servers } = await setup(reply(503, 'busy'), echo);
  const res = await http('http://players/', { retry: { limit: 0 }, throwHttpErrors: false });
  expect(res.statusCode).toBe(503);
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 0]);
});

test('retry.limit can lower the number of retries, not raise it', async () => {
  const { http, servers } = await setup(reply(503), reply(503), reply(503), reply(503));
  const sent = () => servers.reduce((sum, { requests }) => sum + requests.length, 0);
  await rejection(http('http://players/', { retry: { limit: 1 } }));
  expect(sent()).toBe(2);
  await rejection(http('http://players/', { retry: { limit: 9 } }));
  expect(sent()).toBe(5);
});

test('got does not retry by itself what the mesh gave up', async () => {
  const { http, server } = await setup(reply(500));
  await rejection(http('http://players/'));
  expect(server.requests.length).toBe(1);
});

test('timeout.request is a TimeoutError of got, and gives the attempt up', async () => {
  const { http, server, mesh } = await setup(hang, echo);
  const error = await rejection(http('http://players/', { timeout: { request: 100 } }));
  expect(error instanceof TimeoutError).toBe(true);
  expect([(error as TimeoutError).event, (error as TimeoutError).code]).toEqual(['request', 'ETIMEDOUT']);
  await (await server.request(1)).closed;
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('timeout.socket is a TimeoutError of got', async () => {
  const { http } = await setup(hang);
  const error = await rejection(http('http://players/', { timeout: { socket: 50 } }));
  expect([error instanceof TimeoutError, (error as TimeoutError).event]).toEqual([true, 'socket']);
});

test('timeout.response is a TimeoutError of got', async () => {
  const { http } = await setup(hang);
  const error = await rejection(http.post('http://players/', { json: 1, timeout: { response: 50 } }));
  expect([error instanceof TimeoutError, (error as TimeoutError).event]).toEqual([true, 'response']);
});

test('an error of the mesh is a RequestError of got with its code, its message and its call', async () => {
  const { http, mesh, server } = await setup(echo);
  const error = await rejection(http('http://teams/'));
  expect(error instanceof RequestError).toBe(true);
  expect((error as RequestError).code).toBe('MESH_NO_ENDPOINTS');
  expect((error as RequestError).message).toMatch(/^no endpoint of 'teams' is known/);
  expect(meshOf(error)?.service).toBe('teams');
  await mesh.close();
  expect((await rejection(http('http://players/'))) as RequestError).toMatchObject({ code: 'MESH_CLOSED' });
  expect(server.requests.length).toBe(0);
});

test.each([undefined, 'gzip'])(
  'the time of an attempt that runs out amid a body (%s) is said so, with its call',
  async (encoding) => {
    const clock = new ManualClock();
    const server = await serve((_req, res) => {
      res.writeHead(200, encoding === undefined ? { 'content-length': 1_000 } : { 'content-encoding': encoding });
      res.write(gzipSync(bytes(1_000)).subarray(0, 200));
    });
    const mesh = meshOver([server], { clock, attemptTimeoutMs: 300 });
    const calling = rejection(mesh.wrap(got)('http://players/'));
    await until(() => counted(mesh, 'calls') === 1);
    await clock.advance(300);
    const error = await calling;
    expect((error as RequestError).code).toBe('MESH_ATTEMPT_TIMEOUT');
    expect((error as RequestError).message).toBe(`'players' (${server.id}) did not answer within 300 ms`);
    expect(meshOf(error)?.endpoint).toBe(server.id);
  },
);

test('a connection that breaks amid the body is the error that got makes of it without a mesh (F44)', async () => {
  const { http, server, mesh } = await setup(resetMidBody, echo);
  const bare = await rejection(got(server.url, { retry: { limit: 0 } }));
  const wrapped = await rejection(http('http://players/'));
  for (const error of [bare, wrapped]) expect(error instanceof ReadError).toBe(true);
  expect((wrapped as ReadError).code).toBe((bare as ReadError).code);
  expect((wrapped as ReadError).message).toBe((bare as ReadError).message);
  expect(meshOf(wrapped)?.endpoint).toBe(server.id);
  expect(mesh.explain('players').endpoints.find(({ id }) => id === server.id)?.health).toBe('down');
});

test.each(['gzip', 'deflate-of-nothing'])('an answer in %s is decompressed, and knows its call', async (encoding) => {
  const text = 'x'.repeat(10_000);
  const packed = encoding === 'gzip';
  const { http, server } = await setup(
    reply(200, packed ? gzipSync(text) : text, packed ? { 'content-encoding': 'gzip' } : {}),
  );
  const res = await http('http://players/');
  expect(res.body).toBe(text);
  expect(meshOf(res)?.endpoint).toBe(server.id);
});

test('an error knows its call even when got alone made it', async () => {
  const { http, server } = await setup(hang);
  const controller = new AbortController();
  const calling = rejection(http('http://players/', { signal: controller.signal }));
  await server.request(1);
  controller.abort();
  expect(meshOf(await calling)?.endpoint).toBe(server.id);
});

test('a form and a FormData arrive whole, on a retry too', async () => {
  const { http, servers } = await setup(reply(503), echo);
  const form = new FormData();
  form.set('name', 'Änn');
  form.set('file', new Blob([bytes(20_000)]), 'x.bin');
  const seen = await http.put('http://players/', { body: form }).json<Echo>();
  expect(seen.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(seen.length > 20_000).toBe(true);
  expect(seen.hash).toBe(sha(servers[0]?.requests[0]?.body() ?? ''));
  expect((await http.post('http://players/', { form: { a: 'b c' } }).json<Echo>()).text).toBe('a=b+c');
});

test('a body whose pieces come while the first endpoint refuses is whole at the second (F66)', async () => {
  const good = await serve(echo);
  const http = meshOver([await nobody(), good]).wrap(got);
  const all = bytes(150_000);
  const body = Readable.from(
    (async function* () {
      for (let at = 0; at < all.length; at += 10_000) {
        yield all.subarray(at, at + 10_000);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })(),
  );
  const seen = await http.post('http://players/', { body }).json<Echo>();
  expect([seen.length, seen.hash]).toEqual([all.length, sha(all)]);
});

test('a body that grows too long while a retry waits is whole at the second endpoint (F66)', async () => {
  const clock = new ManualClock();
  const bad = await serve(replyAtOnce(503));
  const good = await serve(echo);
  const mesh = meshOver([bad, good], { clock, retry: { baseMs: 100 } });
  const all = bytes(200_000);
  const source = new Readable({ read: () => {} });
  const calling = mesh.wrap(got).put('http://players/', { body: source }).json<Echo>();
  source.push(all.subarray(0, 10_000));
  await until(() => counted(mesh, 'retries') === 1);
  source.push(all.subarray(10_000));
  source.push(null);
  await clock.advance(100);
  const seen = await calling;
  expect([seen.length, seen.hash]).toEqual([all.length, sha(all)]);
  await until(() => bad.open() === 0); // the rest of the body will not come to the first
});

test('an upload that is answered before it is complete does not wait for ever', async () => {
  const { http } = await setup((req, res) => {
    res.writeHead(413, { connection: 'close' }).end('too long');
    req.pause();
  });
  const source = Readable.from(
    (async function* () {
      for (let i = 0; i < 100; i++) yield bytes(64 * 1024);
    })(),
  );
  const error = await rejection(
    pipeline(source, http.stream.put('http://players/'), new Writable({ write: (_c, _e, done) => done() })),
  );
  expect(error instanceof RequestError).toBe(true);
});

test('a stream goes up and another comes down, 5 MB each (hash)', async () => {
  const { http } = await setup((req, res) => req.pipe(res));
  const all = bytes(5_000_000);
  const echoed: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      echoed.push(chunk);
      done();
    },
  });
  await pipeline(Readable.from([all.subarray(0, 100), all.subarray(100)]), http.stream.post('http://players/'), sink);
  expect(sha(Buffer.concat(echoed))).toBe(sha(all));
});

test('a downloaded stream is retried before its head, and tells of its response and progress', async () => {
  const all = bytes(1_000_000);
  const { http, servers } = await setup(reply(503, bytes(200_000)), reply(200, all, { 'content-length': all.length }));
  const stream = http.stream('http://players/');
  const progress: number[] = [];
  stream.on('downloadProgress', ({ transferred }) => progress.push(transferred));
  const [response] = await once(stream, 'response');
  expect(response.statusCode).toBe(200);
  expect(sha(Buffer.concat(await stream.toArray()))).toBe(sha(all));
  expect(progress.at(-1)).toBe(all.length);
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 1]);
});

test('a stream that its reader destroys frees its connection, and speaks against nobody (F80)', async () => {
  const { http, server, mesh } = await setup(drip, echo);
  const stream = http.stream('http://players/');
  await once(stream, 'response');
  stream.destroy();
  await (await server.request(1)).closed;
  expect(healths(mesh)).toEqual(['up', 'up']);
  expect(mesh.explain('players').endpoints.map(({ running }) => running)).toEqual([0, 0]);
});

test('a stream fails with the HTTPError of got', async () => {
  const { http } = await setup(reply(404, 'gone'));
  expect((await rejection(http.stream('http://players/').toArray())) instanceof HTTPError).toBe(true);
});

test('pages are fetched one after another, each of them retried', async () => {
  const page: Answer = (req, res) => {
    const n = Number(new URL(req.url ?? '', 'http://x').searchParams.get('page') ?? 1);
    const headers = n < 4 ? { link: `<http://players/list?page=${n + 1}>; rel="next"` } : {};
    res.writeHead(200, headers).end(JSON.stringify([n]));
  };
  const bad = await serve(reply(503));
  const good = await serve(page);
  const mesh = meshOver([bad, good], { health: false });
  const http = mesh.wrap(got);
  const pages = await http.paginate.all<number>('http://players/list', { responseType: 'json' });
  expect(pages).toEqual([1, 2, 3, 4]);
  expect(counted(mesh, 'retries')).toBe(4);
});

test('pages whose options are handed on as they are stay retried', async () => {
  const bad = await serve(reply(503));
  const good = await serve(reply(200, '[1]'));
  const mesh = meshOver([bad, good], { health: false });
  let pages = 0;
  const paginate = ({ response }: { response: { request: { options: unknown } } }) =>
    ++pages < 3 ? (response.request.options as object) : (false as const);
  await mesh.wrap(got).paginate.all('http://players/list', { responseType: 'json', pagination: { paginate } });
  expect(counted(mesh, 'retries')).toBe(3);
});

test('a redirect within the service is followed, through the mesh', async () => {
  const { http, servers } = await setup((req, res) =>
    req.url === '/old' ? res.writeHead(302, { location: '/new' }).end() : res.writeHead(200).end(req.headers.host),
  );
  const res = await http('http://players/old');
  expect([res.url, res.body, res.redirectUrls.map(String)]).toEqual([
    'http://players/new',
    'players',
    ['http://players/new'],
  ]);
  expect(servers[0]?.requests.map(({ headers }) => headers['mesh-caller'])).toEqual(['teams', 'teams']);
  expect(meshOf(res)?.service).toBe('players');
});

test('a redirect to another service of the mesh is followed, through the mesh', async () => {
  const teams = await serve(reply(200, gzipSync('teams'), { 'content-encoding': 'gzip' }));
  const players = await serve(reply(302, '', { location: 'http://teams/' }));
  const mesh = meshOver([], { registry: { players: [players.url], teams: [teams.url] } });
  const res = await mesh.wrap(got)('http://players/');
  expect(res.body).toBe('teams');
  expect(teams.requests[0]?.headers['mesh-target']).toBe(`teams;${teams.id}`);
  expect(meshOf(res)?.service).toBe('teams');
});

test('a redirect out of the mesh is not followed: no header leaves (F79)', async () => {
  const stranger = await serve(echo);
  const { http } = await setup(reply(302, 'over there', { location: `${stranger.url}/x` }));
  const res = await http('http://players/', { headers: { authorization: 'secret' } });
  expect([res.statusCode, res.body, res.headers.location]).toEqual([302, 'over there', `${stranger.url}/x`]);
  expect(stranger.requests.length).toBe(0);
});

test('followRedirect of the caller still decides', async () => {
  const { http } = await setup((req, res) =>
    req.url === '/old' ? res.writeHead(302, { location: '/new' }).end() : res.writeHead(200).end(),
  );
  expect((await http('http://players/old', { followRedirect: false })).statusCode).toBe(302);
  expect((await http('http://players/old', { followRedirect: () => false })).statusCode).toBe(302);
  expect((await http('http://players/old', { followRedirect: () => true })).statusCode).toBe(200);
});

test('a URL that names no service passes through untouched', async () => {
  const server = await serve(echo);
  const { http } = await setup(reply(500));
  const seen = await http.post(`${server.url}/x`, { json: 1 }).json<Echo>();
  expect(meshHeaders(seen.headers)).toEqual([]);
  expect(seen.headers.host).toBe(server.id);
  expect(meshOf(await http(server.url))).toBe(undefined);
});

test('the retries of got stay for a URL that names no service', async () => {
  const server = await serve(reply(503, '', { 'retry-after': '0' }), reply(200));
  const { http } = await setup(reply(500));
  const res = await http(server.url, { retry: { calculateDelay: ({ computedValue }) => Math.min(computedValue, 1) } });
  expect([res.statusCode, res.retryCount]).toEqual([200, 1]);
});

test('a name that ends in .mesh is a service, whatever labels it has', async () => {
  const { http } = await setup(echo);
  const seen = await http('http://players.mesh/').json<Echo>();
  expect(seen.headers.host).toBe('players');
});

test('a header of the mesh that cannot be sent does not fail the call (F106)', async () => {
  const { http } = await setup(echo);
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), flags: 1, state: 'x=\u0000\r\nevil: 1' };
  const ambient = { trace, baggage: 'k=\ud800', deadline: Number.POSITIVE_INFINITY, retried: false };
  const seen = await runAmbient(ambient, () => http('http://players/').json<Echo>());
  expect(seen.headers['evil']).toBe(undefined);
});

test('a header of the caller that cannot be sent is the error of got, and speaks against nobody', async () => {
  const { http, mesh } = await setup(echo, echo);
  const error = await rejection(http('http://players/', { headers: { x: 'a\r\nb' } }));
  expect((error as RequestError).code).toBe('ERR_INVALID_CHAR');
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('an agent of the caller is used', async () => {
  const { http: client, server } = await setup(reply(200));
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  await Promise.all([1, 2, 3].map(() => client('http://players/', { agent: { http: agent } })));
  expect(server.connections()).toBe(1);
  agent.destroy();
});

test('a cache keeps what it may, and the mesh serves the rest', async () => {
  const { http, server } = await setup(reply(200, 'kept', { 'cache-control': 'max-age=60' }));
  const cache = new Map();
  expect((await http('http://players/', { cache })).body).toBe('kept');
  const again = await http('http://players/', { cache });
  expect([again.body, again.isFromCache]).toEqual(['kept', true]);
  expect(server.requests.length).toBe(1);
});

test('early hints reach the stream of got', async () => {
  const server = await misbehave((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody');
    });
  });
  const stream = meshOver([server]).wrap(got).stream('http://players/');
  const hints = once(stream, 'information');
  expect(Buffer.concat(await stream.toArray()).toString()).toBe('body');
  expect((await hints)[0].statusCode).toBe(103);
});

test('no listener is left on the signal of a stream', async () => {
  const { http } = await setup(reply(200, 'x'));
  const { signal } = new AbortController();
  await http.stream('http://players/', { signal }).toArray();
  await until(() => getEventListeners(signal, 'abort').length === 0);
});
