import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { Request as UndiciRequest, fetch as undiciFetch } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { ConfigError, DeadlineError, type Mesh, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import {
  type Answer,
  bytes,
  drip,
  type Echo,
  echo,
  hang,
  reply,
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
  return { mesh, fetch: mesh.wrap(globalThis.fetch), servers, server: servers[0] as (typeof servers)[0] };
}

const healths = (mesh: Mesh) => mesh.explain('players').endpoints.map(({ health }) => health);
const running = (mesh: Mesh) => mesh.explain('players').endpoints.reduce((sum, one) => sum + one.running, 0);
const json = async (res: Response | Promise<Response>) => (await (await res).json()) as Echo;
/** Moves from `/old` to `/new` with this status, and tells of what comes to any other path. */
const moved =
  (status: number, location = '/new'): Answer =>
  (req, res, seen) =>
    req.url === '/old'
      ? void seen.whole.then(() => res.writeHead(status, { location }).end(bytes(100_000)))
      : echo(req, res, seen);

test('the response is one of fetch, with the URL of the service', async () => {
  const { fetch, server } = await setup(reply(404, 'gone', { 'x-of': 'the server' }));
  const res = await fetch('http://players/teams/42?x=1');
  expect(res instanceof Response).toBe(true);
  expect([res.url, res.status, res.ok, res.redirected]).toEqual(['http://players/teams/42?x=1', 404, false, false]);
  expect(res.headers.get('x-of')).toBe('the server');
  expect(meshOf(res)?.endpoint).toBe(server.id);
  expect(await res.text()).toBe('gone');
});

test('a URL object and a Request are as good as a string', async () => {
  const { fetch } = await setup(echo);
  expect((await json(fetch(new URL('http://players/a')))).url).toBe('/a');
  const request = new Request('http://players/b', { method: 'POST', body: 'some', headers: { 'x-of': 'the caller' } });
  const seen = await json(fetch(request));
  expect([seen.url, seen.method, seen.text, seen.headers['x-of']]).toEqual(['/b', 'POST', 'some', 'the caller']);
});

test('what init says goes before what the Request says', async () => {
  const { fetch } = await setup(echo);
  const request = new Request('http://players/b', { method: 'POST', body: 'some', headers: { 'x-of': 'the request' } });
  const seen = await json(fetch(request, { method: 'PUT', headers: { 'x-of': 'init' } }));
  expect([seen.method, seen.text, seen.headers['x-of']]).toEqual(['PUT', 'some', 'init']);
});

test('a Request without a body is retried, one with a body is sent once: fetch has taken the body', async () => {
  const servers = [await serve(reply(503)), await serve(echo)];
  const fetch = meshOver(servers, { health: false }).wrap(globalThis.fetch);
  const sent = () => servers.map(({ requests }) => requests.length);
  expect((await fetch(new Request('http://players/'))).status).toBe(200);
  expect(sent()).toEqual([1, 1]);
  expect((await fetch(new Request('http://players/', { method: 'PUT', body: 'x' }))).status).toBe(503);
  expect(sent()).toEqual([2, 1]);
});

test('an idempotency key in a Request counts', async () => {
  const { fetch, mesh } = await setup(reply(503), echo);
  await fetch(new Request('http://players/', { method: 'POST', headers: { 'idempotency-key': '1' } }));
  expect(counted(mesh, 'retries')).toBe(1);
});

test.each([
  ['URLSearchParams', new URLSearchParams({ a: 'b c' }), 'a=b+c'],
  ['a Blob', new Blob(['some'], { type: 'text/x' }), 'some'],
  ['an ArrayBuffer', new TextEncoder().encode('some').buffer, 'some'],
  ['a view', new TextEncoder().encode('some'), 'some'],
])('%s is sent again whole', async (_, body, text) => {
  const { fetch, servers } = await setup(reply(503), echo);
  expect((await json(fetch('http://players/', { method: 'PUT', body }))).text).toBe(text);
  expect(servers[0]?.requests[0]?.body().toString()).toBe(text);
});

test('a FormData is sent again whole', async () => {
  const { fetch } = await setup(reply(503), echo);
  const body = new FormData();
  body.set('name', 'Änn');
  body.set('file', new Blob([bytes(100_000)]));
  const seen = await json(fetch('http://players/', { method: 'PUT', body }));
  expect(seen.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
  expect(Number(seen.headers['content-length'])).toBe(seen.length);
});

test('an answer in gzip is decompressed', async () => {
  const { fetch } = await setup(reply(200, gzipSync('x'.repeat(10_000)), { 'content-encoding': 'gzip' }));
  expect(await (await fetch('http://players/')).text()).toBe('x'.repeat(10_000));
});

test('a body can be read as it comes, 5 MB of it (hash)', async () => {
  const all = bytes(5_000_000);
  const { fetch, mesh } = await setup(reply(200, all));
  const res = await fetch('http://players/');
  const reader = res.body?.getReader();
  const chunks: Uint8Array[] = [];
  for (let one = await reader?.read(); one?.value !== undefined; one = await reader?.read()) chunks.push(one.value);
  expect(sha(Buffer.concat(chunks))).toBe(sha(all));
  expect(running(mesh)).toBe(0);
});

test('a clone has the same body', async () => {
  const { fetch } = await setup(reply(200, 'some'));
  const res = await fetch('http://players/');
  const clone = res.clone();
  expect(await Promise.all([res.text(), clone.text()])).toEqual(['some', 'some']);
});

test('a stream goes up and another comes down', async () => {
  const { fetch } = await setup((req, res) => req.pipe(res));
  const all = bytes(2_000_000);
  const body = new Blob([all]).stream();
  const res = await fetch('http://players/', { method: 'POST', body, duplex: 'half' } as RequestInit);
  expect(sha(Buffer.from(await res.arrayBuffer()))).toBe(sha(all));
});

test('a body that its reader cancels frees its connection, and speaks against nobody (F80)', async () => {
  const { fetch, server, mesh } = await setup(drip, echo);
  const { signal } = new AbortController();
  const res = await fetch('http://players/', { signal });
  await res.body?.cancel();
  await (await server.request(1)).closed;
  await until(() => running(mesh) === 0);
  expect(healths(mesh)).toEqual(['up', 'up']);
  expect(getEventListeners(signal, 'abort').length).toBe(0);
});

test('a body that breaks off is the error of fetch, and speaks against the endpoint (F44)', async () => {
  const { fetch, server, mesh } = await setup(resetMidBody, echo);
  const res = await fetch('http://players/');
  const error = await rejection(res.text());
  expect([error instanceof TypeError, (error as TypeError).message]).toEqual([true, 'terminated']);
  expect(mesh.explain('players').endpoints.find(({ id }) => id === server.id)?.health).toBe('down');
});

test('the signal of a Request gives it up', async () => {
  const { fetch, server, mesh } = await setup(hang, echo);
  const controller = new AbortController();
  const calling = rejection(fetch(new Request('http://players/', { signal: controller.signal })));
  const request = await server.request(1);
  controller.abort();
  expect(await calling).toMatchObject({ name: 'AbortError' });
  await request.closed;
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test.each([undefined, 'a word', null])(
  'whatever a signal gives for a reason (%s), fetch rejects with it',
  async (reason) => {
    const { fetch, server } = await setup(hang);
    const controller = new AbortController();
    const calling = rejection(fetch('http://players/', { signal: controller.signal }));
    await server.request(1);
    controller.abort(reason);
    expect(await calling).toBe(controller.signal.reason);
  },
);

test('AbortSignal.timeout rejects with its TimeoutError', async () => {
  const { fetch } = await setup(hang);
  expect(await rejection(fetch('http://players/', { signal: AbortSignal.timeout(30) }))).toMatchObject({
    name: 'TimeoutError',
  });
});

test('an error of the mesh is a TypeError of fetch whose cause says what happened', async () => {
  const { fetch } = await setup(echo);
  const error = await rejection(fetch('http://teams/'));
  expect(error).toMatchObject({ name: 'TypeError', message: 'fetch failed', cause: { code: 'MESH_NO_ENDPOINTS' } });
  expect(meshOf(error)?.service).toBe('teams');
});

test('the deadline of a call that runs out amid the body is what its reader gets', async () => {
  const clock = new ManualClock();
  const server = await serve(drip);
  const mesh = meshOver([server], { clock, deadlineMs: 500, attemptTimeoutMs: false });
  const res = await mesh.wrap(globalThis.fetch)('http://players/');
  const reading = rejection(res.text());
  await clock.advance(500);
  const error = await reading;
  expect(error).toMatchObject({ name: 'TypeError', message: 'terminated' }); // fetch's own word for a body that breaks off
  expect(error instanceof TypeError && error.cause instanceof DeadlineError).toBe(true);
  expect(meshOf(error)?.endpoint).toBe(server.id);
});

test('what fetch itself finds wrong is its own error, sends nothing, and speaks against nobody', async () => {
  const { fetch, mesh, servers } = await setup(echo, echo);
  const wrong = await rejection(fetch('http://players/', { body: 'x' }));
  expect(wrong).toMatchObject({ name: 'TypeError', message: 'Request with GET/HEAD method cannot have body.' });
  expect((await rejection(fetch('http://players/', { headers: { x: 'a\r\nb' } }))) instanceof TypeError).toBe(true);
  expect((await rejection(fetch('http://players/', { method: 'a b' }))) instanceof TypeError).toBe(true);
  expect(healths(mesh)).toEqual(['up', 'up']);
  expect(servers.map(({ requests }) => requests.length)).toEqual([0, 0]);
});

test('a redirect within the service is followed, through the mesh', async () => {
  const { fetch, mesh, server } = await setup(moved(302));
  const res = await fetch('http://players/old', { headers: { 'x-of': 'the caller' } });
  expect([res.status, res.url, res.redirected]).toEqual([200, 'http://players/new', true]);
  const seen = await json(res);
  expect([seen.headers['x-of'], seen.headers['mesh-target']]).toEqual(['the caller', `players;${server.id}`]);
  expect(healths(mesh)).toEqual(['up']); // nobody read the redirect
});

test.each([
  [301, 'POST', 'GET', ''],
  [302, 'POST', 'GET', ''],
  [303, 'POST', 'GET', ''],
  [303, 'PUT', 'GET', ''],
  [303, 'HEAD', 'HEAD', undefined],
  [307, 'POST', 'POST', 'some'],
  [308, 'PUT', 'PUT', 'some'],
  [302, 'PUT', 'PUT', 'some'],
])('a %i to a %s is followed by a %s, as fetch does', async (status, method, then, text) => {
  const { fetch, server } = await setup(moved(status));
  const body = method === 'HEAD' ? null : 'some';
  await fetch('http://players/old', { method, body, headers: { 'content-type': 'text/x', 'x-of': 'the caller' } });
  const second = server.requests[1];
  expect([second?.method, second?.url, second?.headers['x-of']]).toEqual([then, '/new', 'the caller']);
  if (text === '') expect(second?.headers['content-type']).toBe(undefined);
  if (text !== undefined) expect(second?.body().toString()).toBe(text);
});

test('a Request is redirected with its headers and its signal', async () => {
  const { fetch, server } = await setup((req, res, seen) =>
    req.url === '/new' ? undefined : moved(302)(req, res, seen),
  );
  const controller = new AbortController();
  const request = new Request('http://players/old', { headers: { 'x-of': 'the caller' }, signal: controller.signal });
  const calling = rejection(fetch(request));
  expect((await server.request(2)).headers['x-of']).toBe('the caller');
  controller.abort();
  expect(await calling).toMatchObject({ name: 'AbortError' });
});

test('a redirect that asks for a stream again is the answer', async () => {
  const { fetch } = await setup(moved(307));
  const body = new Blob(['some']).stream();
  expect((await fetch('http://players/old', { method: 'POST', body, duplex: 'half' } as RequestInit)).status).toBe(307);
});

test('redirect "manual" gives the redirect, "error" rejects', async () => {
  const { fetch, mesh } = await setup(moved(302));
  expect((await fetch('http://players/old', { redirect: 'manual' })).headers.get('location')).toBe('/new');
  expect((await fetch(new Request('http://players/old', { redirect: 'manual' }))).status).toBe(302);
  expect((await rejection(fetch('http://players/old', { redirect: 'error' }))) instanceof TypeError).toBe(true);
  expect((await rejection(fetch(new Request('http://players/old', { redirect: 'error' })))) instanceof TypeError).toBe(
    true,
  );
  expect(healths(mesh)).toEqual(['up']);
});

test('redirects without end are an error, as of fetch', async () => {
  const { fetch, server } = await setup(moved(302, '/old'));
  const error = await rejection(fetch('http://players/old'));
  expect(error).toMatchObject({ name: 'TypeError', cause: { message: 'redirect count exceeded' } });
  expect(server.requests.length).toBe(21);
});

test.each(['out of the mesh', 'to another service', 'to a port'])(
  'a redirect %s is the answer: no header leaves (F79)',
  async (to) => {
    const stranger = await serve(echo);
    const locations = { 'out of the mesh': `${stranger.url}/x`, 'to another service': 'http://teams/x' };
    const location = Reflect.get(locations, to) ?? 'http://players:8080/x';
    const players = await serve(reply(302, 'over there', { location }));
    const mesh = meshOver([], { registry: { players: [players.url], teams: [stranger.url] } });
    const res = await mesh.wrap(globalThis.fetch)('http://players/', { headers: { authorization: 'secret' } });
    expect([res.status, res.headers.get('location'), await res.text()]).toEqual([302, location, 'over there']);
    expect(stranger.requests.length).toBe(0);
  },
);

test('a URL that names no service passes through untouched', async () => {
  const { fetch } = await setup(reply(500));
  const server = await serve(echo);
  const res = await fetch(`${server.url}/x`, { method: 'POST', body: 'some' });
  const seen = await json(res.clone());
  expect(Object.keys(seen.headers).filter((name) => /^(mesh-|traceparent)/.test(name))).toEqual([]);
  expect(meshOf(res)).toBe(undefined);
  expect((await rejection(fetch('http://localhost:1/'))) instanceof TypeError).toBe(true);
  expect((await rejection(fetch('no url'))) instanceof TypeError).toBe(true);
  expect(await (await fetch('data:,some')).text()).toBe('some');
});

test('isService decides which URLs are those of the mesh', async () => {
  const server = await serve(echo);
  const mesh = meshOver([server], {
    isService: ({ hostname }) => hostname === 'players.internal' || hostname === 'players',
  });
  const fetch = mesh.wrap(globalThis.fetch);
  expect((await json(fetch('http://players/'))).headers['mesh-caller']).toBe('teams');
  expect((await rejection(fetch('http://teams/'))) instanceof TypeError).toBe(true);
});

test("undici's own fetch can be wrapped, with its own Request", async () => {
  const { mesh, servers } = await setup(reply(503), echo);
  const fetch = mesh.wrap(undiciFetch as unknown as typeof globalThis.fetch);
  const res = await fetch('http://players/', { method: 'PUT', body: 'some' });
  expect([(await json(res)).text, res.url]).toEqual(['some', 'http://players/']);
  const request = new UndiciRequest('http://players/x') as unknown as Request;
  expect((await json(fetch(request))).url).toBe('/x');
  expect(servers.map(({ requests }) => requests.length)).toEqual([1, 2]);
});

test.each([
  ['answers by itself', () => Promise.resolve(new Response('mine'))],
  [
    'looks for the host',
    () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND players'), { code: 'ENOTFOUND' })),
  ],
  ['fails as fetch does', () => Promise.reject(new TypeError('fetch failed', { cause: new Error('no such host') }))],
])('a fetch that is not built on undici and %s is refused, clearly', async (_, bare) => {
  const { mesh } = await setup(echo, echo);
  const error = await rejection(mesh.wrap(bare as typeof globalThis.fetch)('http://players/'));
  expect(error instanceof ConfigError).toBe(true);
  expect((error as ConfigError).message).toBe(
    'the fetch that was wrapped does not use undici; wrap globalThis.fetch, or the fetch of undici',
  );
  expect(healths(mesh)).toEqual(['up', 'up']);
});

test('a length that the caller gives and fetch gives again is sent once: Node 22 does that (nodejs/undici#5500)', async () => {
  const { mesh } = await setup(echo);
  const twice = (headers: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, name === 'content-length' ? `${value}, ${value}` : value]),
    );
  const asNode22 = ((input, init) => {
    const { dispatcher } = init as unknown as { dispatcher: { dispatch(options: object, handler: object): boolean } };
    const dispatch = (options: { headers: Record<string, string> }, handler: object) =>
      dispatcher.dispatch({ ...options, headers: twice(options.headers) }, handler);
    return globalThis.fetch(input, { ...init, dispatcher: { dispatch } } as unknown as RequestInit);
  }) as typeof globalThis.fetch;
  const seen = await json(mesh.wrap(asNode22)('http://players/', { method: 'POST', body: 'hello' }));
  expect([seen.text, seen.headers['content-length']]).toEqual(['hello', '5']);
});

test('several fetches at once share the limits of the mesh, and none hangs on unread bodies', async () => {
  const { fetch, mesh } = await setup(reply(200, 'small'));
  await Promise.all(Array.from({ length: 100 }, () => fetch('http://players/')));
  await until(() => running(mesh) === 0);
});
