import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { ConfigError, type Mesh, meshOf, type ServiceOptions } from '../../src/index.ts';
import { echo, nobody, reply, serve } from '../support/servers.ts';
import { closeAll, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

interface Answered {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
  readonly of: unknown;
}

/** Each way to call, and what it gives. */
const clients: Readonly<Record<string, (mesh: Mesh) => (path: string) => Promise<Answered>>> = {
  'mesh.client': (mesh) => async (path) => {
    const res = await mesh.client('players').get(path);
    return { status: res.status, type: String(res.headers['content-type']), body: res.text(), of: res };
  },
  'a stream of mesh.client': (mesh) => async (path) => {
    const res = await mesh.client('players').stream('GET', path);
    const body = Buffer.concat(await res.body.toArray()).toString();
    return { status: res.status, type: String(res.headers['content-type']), body, of: res };
  },
  fetch: (mesh) => async (path) => {
    const res = await mesh.wrap(globalThis.fetch)(`http://players${path}`);
    expect(res instanceof Response).toBe(true);
    expect(res.url).toBe(`http://players${path}`);
    return { status: res.status, type: res.headers.get('content-type') ?? undefined, body: await res.text(), of: res };
  },
  got: (mesh) => async (path) => {
    const res = await mesh.wrap(got)(`http://players${path}`, { throwHttpErrors: false });
    return { status: res.statusCode, type: res.headers['content-type'], body: res.body, of: res };
  },
  'a stream of got': (mesh) => async (path) => {
    const stream = mesh.wrap(got).stream(`http://players${path}`, { throwHttpErrors: false });
    const body = Buffer.concat(await stream.toArray()).toString();
    const { response } = stream;
    return { status: response?.statusCode ?? 0, type: response?.headers['content-type'], body, of: response };
  },
};
const each = test.each(Object.entries(clients));
const over = async (fallback: ServiceOptions['fallback']) => meshOver([await nobody()], { fallback, health: false });

each('%s is answered with what is given, as if a server had', async (_, open) => {
  const mesh = await over({ answer: { status: 203, json: { name: 'nobody' } } });
  const { of, ...answered } = await open(mesh)('/teams/42?a=b');
  expect(answered).toEqual({ status: 203, type: 'application/json', body: '{"name":"nobody"}' });
  expect(meshOf(of)?.fallback).toMatchObject({ to: 'answer' });
  expect(meshOf(of)?.fallback?.because).toContain("cannot connect to 'players'");
  expect(meshOf(of)?.attempts.length).toBeGreaterThan(0);
});

each('%s is answered without a body', async (_, open) => {
  const mesh = await over({ answer: ({ path }) => (path === '/a?b' ? { status: 204 } : undefined) });
  expect(await open(mesh)('/a?b')).toMatchObject({ status: 204, body: '' });
});

each('%s is answered by another service', async (_, open) => {
  const archive = await serve(reply(200, 'from the archive', { 'content-type': 'text/plain' }));
  const mesh = meshOver([], {
    registry: { players: [(await nobody()).url], archive: [archive.url] },
    fallback: { service: 'archive' },
    health: false,
  });
  const { of, ...answered } = await open(mesh)('/teams/42');
  expect(answered).toEqual({ status: 200, type: 'text/plain', body: 'from the archive' });
  expect(archive.requests[0]?.url).toBe('/teams/42');
  expect(archive.requests[0]?.headers.host).toBe('archive');
  expect(meshOf(of)).toMatchObject({ service: 'archive', fallback: { to: 'service' } });
});

each('%s gets the answer of a server that is well', async (_, open) => {
  const server = await serve(echo);
  const mesh = meshOver([server], { fallback: { answer: {} } });
  const { of, status } = await open(mesh)('/');
  expect(status).toBe(200);
  expect(meshOf(of)).toMatchObject({ service: 'players', fallback: undefined });
  expect(meshOf(of)?.ms).toBeGreaterThanOrEqual(0);
});

test('a POST that got could not send arrives whole at the other service', async () => {
  const archive = await serve(echo);
  const mesh = meshOver([], {
    registry: { players: [(await nobody()).url], archive: [archive.url] },
    fallback: { service: 'archive' },
    health: false,
  });
  await mesh.wrap(got).post('http://players/', { body: 'hello' });
  expect(archive.requests).toHaveLength(1);
  expect(archive.requests[0]?.method).toBe('POST');
  expect(archive.requests[0]?.headers['content-length']).toBe('5');
});

test('the last good answer is given by mesh.client; clients that give streams refuse the option', async () => {
  let well = true;
  const server = await serve((_req, res) => {
    res.writeHead(well ? 200 : 500).end(well ? 'good' : 'bad');
  });
  const mesh = meshOver([server], { fallback: { staleMs: 60_000 } });
  const players = mesh.client('players');
  const body = (await players.get('/')).body;
  body.fill(0); // what its reader does to it
  well = false;
  const stale = await players.get('/');
  expect(stale.text()).toBe('good');
  expect(meshOf(stale)?.fallback).toEqual({ to: 'stale', because: "'players' answered 500" });
  stale.body.fill(0);
  expect(await players.get('/').text()).toBe('good');
  expect((await players.stream('GET', '/')).status).toBe(500);

  const error = await rejection(mesh.wrap(globalThis.fetch)('http://players/'));
  expect(error instanceof ConfigError).toBe(true);
  expect(String(error)).toContain("fallback.staleMs of 'players' cannot keep answers of fetch, which gives streams");
  expect(String(await rejection(mesh.wrap(got)('http://players/')))).toContain('fallback.staleMs');
});

test('explain tells what a call is answered with', async () => {
  const mesh = await over({ answer: () => undefined, staleMs: 1_000 });
  const settings = mesh.explain('players').settings.filter(({ name }) => name.startsWith('fallback'));
  expect(settings.map(({ name, value }) => `${name} = ${value}`)).toEqual([
    'fallback.service = false',
    'fallback.staleMs = 1000',
    'fallback.answer = a function',
    'fallback.limitMs = 1000',
    'fallback.ignoreHeaders = none',
  ]);
  expect(mesh.explain('players').stack).toContain('fallback');
});
