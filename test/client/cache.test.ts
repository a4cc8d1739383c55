import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { ConfigError, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/entry.ts';
import { echo, reply, serve } from '../support/servers.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

/** Serves a text with its tag, and a 304 to who has it. */
async function tagged(headers: Readonly<Record<string, string>>) {
  const now = { text: 'Ann', tag: '"1"' };
  const server = await serve((req, res) => {
    const same = req.headers['if-none-match'] === now.tag;
    res.writeHead(same ? 304 : 200, { ...headers, etag: now.tag, link: ['</a>', '</b>'] });
    res.end(same ? undefined : now.text);
  });
  return { server, now };
}

test('what a server allows to keep is given again, asked after by its tag, and given anew when it changed', async () => {
  const clock = new ManualClock();
  const { server, now } = await tagged({ 'cache-control': 'max-age=60' });
  const mesh = meshOver([server], { cache: {}, clock });
  const players = mesh.client('players');
  const uses: unknown[] = [];
  const get = async () => {
    const response = await players.get('/');
    uses.push(meshOf(response)?.cache);
    return response;
  };
  expect((await get()).text()).toBe('Ann');
  const kept = await get();
  expect([kept.text(), kept.status, kept.headers['age'], kept.headers.etag]).toEqual(['Ann', 200, '0', '"1"']);
  expect(meshOf(kept)).toMatchObject({ service: 'players', attempts: [], endpoint: undefined });
  expect(server.requests).toHaveLength(1);

  await clock.advance(60_000);
  const good = await get();
  expect([good.text(), good.status]).toEqual(['Ann', 200]);
  expect(meshOf(good)).toMatchObject({ endpoint: server.id, attempts: [{ attempt: 1 }] });
  expect(server.requests[1]?.headers['if-none-match']).toBe('"1"');

  await clock.advance(60_000);
  Object.assign(now, { text: 'Bob', tag: '"2"' });
  expect((await get()).text()).toBe('Bob');
  expect((await get()).text()).toBe('Bob');
  expect(server.requests).toHaveLength(3);
  expect(uses).toEqual(['miss', 'hit', 'revalidated', 'miss', 'hit']);
  expect(counted(mesh, 'cache', { result: 'hit' })).toBe(2);
  expect(counted(mesh, 'attempts')).toBe(3);
});

test('what a reader does to its answer is done to no other', async () => {
  const { server } = await tagged({ 'cache-control': 'max-age=60' });
  const players = meshOver([server], { cache: {} }).client('players');
  for (let i = 0; i < 3; i++) {
    const { body, headers } = await players.get('/');
    expect(Buffer.from(body).toString()).toBe('Ann');
    expect([headers.etag, headers['link']]).toEqual(['"1"', ['</a>', '</b>']]);
    body.fill(0);
    delete headers.etag;
    (headers['link'] as unknown as string[]).push('</c>'); // undici gives a list of what came twice
  }
  expect(server.requests).toHaveLength(1);
});

test('it is given when the server is gone', async () => {
  const { server } = await tagged({ 'cache-control': 'max-age=60' });
  const players = meshOver([server], { cache: {} }).client('players');
  await players.get('/');
  await server.close();
  expect(await players.get('/').text()).toBe('Ann');
  expect(await rejection(players.get('/other'))).toMatchObject({ code: 'MESH_CONNECT' });
});

test('clients of a service share what is kept; one with options of its own has its own', async () => {
  const { server } = await tagged({ 'cache-control': 'max-age=60' });
  const mesh = meshOver([server], { cache: {} });
  for (let i = 0; i < 2; i++) await mesh.client('players').get('/');
  expect(server.requests).toHaveLength(1);
  await mesh.client('players', { deadlineMs: 5_000 }).get('/');
  await mesh.client('players', { cache: false }).get('/');
  expect(server.requests).toHaveLength(3);
});

test('a stream is sent by itself, and forgets what it changes', async () => {
  const { server } = await tagged({ 'cache-control': 'max-age=60' });
  const players = meshOver([server], { cache: {} }).client('players');
  await players.get('/');
  const streamed = await players.stream('GET', '/');
  await streamed.body.toArray();
  expect(meshOf(streamed)?.cache).toBe(undefined);
  await players.get('/');
  expect(server.requests).toHaveLength(2);
  await (await players.stream('POST', '/')).body.toArray();
  await players.get('/');
  expect(server.requests).toHaveLength(4);
});

test('a header that comes twice is read twice', async () => {
  const server = await serve((_req, res) => {
    res.writeHead(200, [
      ...['cache-control', 'max-age=60', 'cache-control', 'private'],
      ...['vary', 'accept', 'vary', 'x-team', 'etag', '"1"', 'etag', '"2"'],
    ]);
    res.end('Ann');
  });
  const mesh = meshOver([server], { cache: {} });
  for (let i = 0; i < 2; i++) await mesh.client('players').get('/');
  expect(server.requests).toHaveLength(2);
  expect(counted(mesh, 'filter_faults')).toBe(0);
});

test('clients that give streams refuse the option, and for a function it is left out', async () => {
  const server = await serve(echo);
  const mesh = meshOver([server], { cache: {} });
  const error = await rejection(mesh.wrap(globalThis.fetch)('http://players/a'));
  expect(error instanceof ConfigError).toBe(true);
  expect(String(error)).toContain('cache cannot keep what fetch is answered with');
  expect(String(await rejection(mesh.wrap(got)('http://players/a')))).toContain('cache cannot keep');
  const ask = mesh.service('players', async () => 'yes');
  expect(await ask('anybody')).toBe('yes');
});

test('an answer of a service under another name is given only under that name', async () => {
  const headers = { 'cache-control': 'max-age=60' };
  const [plain, canary] = [await serve(reply(200, 'plain', headers)), await serve(reply(200, 'canary', headers))];
  const mesh = meshOver([], { registry: { players: [plain.url], 'players-canary': [canary.url] }, cache: {} });
  const players = mesh.client('players');
  const under = (names: Readonly<Record<string, string>>) => mesh.withNames(names, () => players.get('/').text());
  for (let i = 0; i < 2; i++) {
    expect(await under({ players: 'players-canary' })).toBe('canary');
    expect(await players.get('/').text()).toBe('plain');
    // What stands behind the service may be another one then.
    expect(await under({ teams: 'teams-canary' })).toBe('plain');
  }
  expect([plain.requests.length, canary.requests.length]).toEqual([2, 1]);
  await players.put('/');
  await under({ players: 'players-canary' });
  expect(canary.requests).toHaveLength(2);
});

test('explain tells what is kept', async () => {
  const mesh = meshOver([await serve(echo)], { cache: { maxEntries: 10 } });
  const settings = mesh.explain('players').settings.filter(({ name }) => name.startsWith('cache'));
  expect(settings.map(({ name, value, from }) => `${name} = ${value} (${from})`)).toEqual([
    'cache.maxEntries = 10 (defaults)',
    'cache.maxBytes = 16777216 (default)',
    'cache.maxEntryBytes = 1048576 (default)',
  ]);
  expect(mesh.explain('players').stack).toContain('fallback');
});
