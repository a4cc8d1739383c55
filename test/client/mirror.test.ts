import { Readable } from 'node:stream';
import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { createMesh, type Mesh, type MirrorOptions } from '../../src/index.ts';
import { looked } from '../discovery/setup.ts';
import { bytes, echo, hang, nobody, reply, serve } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver } from './setup.ts';

afterEach(closeAll);

async function setup(mirror: Partial<MirrorOptions> = {}, next = reply(200, bytes(100_000))) {
  const players = await serve(echo);
  const other = await serve(next);
  const mesh = meshOver([], {
    registry: { players: [players.url], next: [other.url] },
    mirror: { service: 'next', ...mirror },
  });
  return { mesh, players, other };
}

const clients: Readonly<Record<string, (mesh: Mesh) => (path: string) => Promise<string>>> = {
  'mesh.client': (mesh) => (path) => mesh.client('players').get(path).text(),
  'a stream of mesh.client': (mesh) => async (path) => {
    const { body } = await mesh.client('players').stream('GET', path);
    return Buffer.concat(await body.toArray()).toString();
  },
  fetch: (mesh) => async (path) => (await mesh.wrap(globalThis.fetch)(`http://players${path}`)).text(),
  got: (mesh) => (path) => mesh.wrap(got)(`http://players${path}`).text(),
};
const each = test.each(Object.entries(clients));

each(
  'calls of %s are copied, one connection serves all copies, and all answers are read to their end',
  async (_, open) => {
    const { mesh, players, other } = await setup();
    const call = open(mesh);
    for (let i = 1; i <= 5; i++) {
      expect(JSON.parse(await call(`/teams/${i}`))).toMatchObject({ method: 'GET' });
      await until(() => counted(mesh, 'mirrors', { outcome: 'success' }) === i);
      await until(() => mesh.explain('next').endpoints[0]?.running === 0);
    }
    expect(players.requests.map(({ url }) => url)).toEqual(other.requests.map(({ url }) => url));
    expect(other.requests.map(({ headers }) => headers.host)).toEqual(Array.from({ length: 5 }, () => 'next'));
    expect(other.connections()).toBe(1);
  },
);

each('a service that hangs, or is not there, is nothing to calls of %s', async (_, open) => {
  const { mesh, players } = await setup({ concurrency: 2 }, hang);
  const call = open(mesh);
  for (let i = 0; i < 5; i++) await call('/');
  expect(players.requests).toHaveLength(5);
  expect(counted(mesh, 'mirrors_dropped', { reason: 'concurrency' })).toBe(3);

  const alone = meshOver([], {
    registry: { players: [players.url], next: [(await nobody()).url] },
    mirror: { service: 'next' },
  });
  await open(alone)('/');
  await until(() => counted(alone, 'mirrors', { outcome: 'failure' }) === 1);
  const unknown = meshOver([], { registry: { players: [players.url] }, mirror: { service: 'next' } });
  await open(unknown)('/');
  await until(() => counted(unknown, 'mirrors', { outcome: 'failure' }) === 1);
});

test('bodies in memory are copied whole where the client has them; streams, and what got writes, are not', async () => {
  const { mesh, players, other } = await setup({ methods: 'all' }, echo);
  const body = Buffer.from(bytes(100_000));
  await mesh.client('players').put('/native', { body });
  await mesh.wrap(globalThis.fetch)('http://players/fetch', { method: 'POST', body });
  await until(() => other.requests.length === 2);
  expect(other.requests.map(({ url }) => url).sort()).toEqual(['/fetch', '/native']);
  expect(other.requests.map(({ headers }) => headers['content-length'])).toEqual(['100000', '100000']);

  await mesh.client('players').put('/stream', { body: Readable.from([body]) });
  await mesh.wrap(got).put('http://players/got', { body });
  expect(counted(mesh, 'mirrors_dropped', { reason: 'body' })).toBe(2);
  expect(players.requests.map(({ url }) => url)).toEqual(['/native', '/fetch', '/stream', '/got']);
  expect(other.requests).toHaveLength(2);
});

test('of two services that are each the copy of the other, a call is copied once', async () => {
  const [players, teams] = [await serve(echo), await serve(echo)];
  const mesh = createMesh({
    self: { service: 'games' },
    logger: false,
    registry: { players: [players.url], teams: [teams.url] },
    services: { players: { mirror: { service: 'teams' } }, teams: { mirror: { service: 'players' } } },
  });
  await mesh.client('players').get('/');
  await until(() => counted(mesh, 'mirrors', { outcome: 'success' }) === 1);
  await looked();
  expect([players.requests.length, teams.requests.length]).toEqual([1, 1]);
  await mesh.close();
});
