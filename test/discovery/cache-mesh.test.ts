import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import got from 'got';
import { afterEach, test as anyTest, expect } from 'vitest';
import { messageOf } from '../../src/core/errors.ts';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { redisRegistry } from '../../src/discovery/redis/entry.ts';
import { createMesh, type Mesh, type MeshOptions } from '../../src/index.ts';
import { rejection } from '../client/setup.ts';
import { ownRedis, startRedis } from '../support/redis-server.ts';
import { eventually, instanceOf } from './setup.ts';

/** Most of these kill a server, so it has to be one of our own. */
const test = anyTest.skipIf(!ownRedis);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function open(service: string, options: Pick<MeshOptions, 'registry' | 'cacheDir'>): Mesh {
  const mesh = createMesh({ self: { service }, logger: false, ...options });
  cleanups.push(() => mesh.close());
  return mesh;
}

async function listening(): Promise<Server> {
  const server = createServer((_req, res) => res.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return server;
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-cache-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Two players that run, a caller that called them and has ended, and a Redis that has died since. */
async function afterwards() {
  const redis = await startRedis();
  cleanups.push(() => redis.close());
  const cacheDir = await makeFolder();
  const registry = redisRegistry({ url: redis.url, reconnectMs: 200 });
  for (let i = 0; i < 2; i++) {
    const players = open('players', { registry });
    await players.register({ server: await listening(), signals: false });
  }
  const caller = open('teams', { registry, cacheDir });
  await eventually(() => caller.explain('players').endpoints.length === 2);
  expect(await caller.client('players').get('/').text()).toBe('hello');
  await caller.close();
  await redis.kill();
  return { redis, registry, cacheDir };
}

test('F1: who starts while Redis is away calls those whom the last process knew, with every client, and says where that is from', async () => {
  const { redis, registry, cacheDir } = await afterwards();
  const calls: ((mesh: Mesh) => Promise<string>)[] = [
    (mesh) => mesh.client('players').get('/').text(),
    async (mesh) => await (await mesh.wrap(globalThis.fetch)('http://players/')).text(),
    (mesh) => mesh.wrap(got)('http://players/').text(),
  ];
  for (const call of calls) {
    const mesh = open('teams', { registry, cacheDir });
    expect(await call(mesh)).toBe('hello');
    const { registry: told, endpoints } = mesh.explain('players');
    expect(told).toMatchObject({
      state: 'stale',
      reason: expect.stringMatching(/ECONNREFUSED.*; from disk, \d+ s old$/),
    });
    expect(endpoints.map(({ suspect }) => suspect)).toEqual([true, true]);
  }
  const mesh = open('teams', { registry, cacheDir });
  const players = mesh.client('players');
  await players.get('/').text();
  await redis.start();
  await eventually(() => mesh.explain('players').registry.state === 'current');
  for (let i = 0; i < 100; i++) expect(await players.get('/').text()).toBe('hello');
  await eventually(() => mesh.explain('players').endpoints.every(({ suspect }) => !suspect));
  expect(mesh.explain('players').endpoints.length).toBe(2);
});

test('F1: who starts while Redis hangs calls those whom the last process knew', async () => {
  const { redis, registry, cacheDir } = await afterwards();
  await redis.start();
  redis.freeze();
  const mesh = open('teams', { registry, cacheDir });
  expect(await mesh.client('players').get('/').text()).toBe('hello');
});

test('F1: without a view on disk, or with one that is broken, a call fails at once and says why', async () => {
  const { registry, cacheDir } = await afterwards();
  const refused =
    /^no endpoint of '\w+' is known: redis:.* is out of reach \(.*ECONNREFUSED.*\) and said nothing before$/;
  const absent = open('teams', { registry, cacheDir });
  expect(messageOf(await rejection(absent.client('payments').get('/').text()))).toMatch(refused);

  const [name = ''] = await readdir(cacheDir);
  await writeFile(join(cacheDir, name), '{"heddle":1,"registry"');
  const broken = open('teams', { registry, cacheDir });
  const said: unknown[] = [];
  broken.on('cache', (event) => said.push(event));
  for (let i = 0; i < 3; i++)
    expect(messageOf(await rejection(broken.client('players').get('/').text()))).toMatch(refused);
  expect(said).toMatchObject([{ service: 'players', state: 'ignored', reason: expect.stringMatching(/cut off/) }]);
});

anyTest('F98: a folder that cannot be written costs no call, and is said once', async () => {
  const folder = join(await makeFolder(), 'file');
  await writeFile(folder, '');
  const hub = createMemoryRegistry();
  await open('players', { registry: hub.registry }).register({ server: await listening(), signals: false });
  const mesh = open('teams', { registry: hub.registry, cacheDir: folder });
  const said: string[] = [];
  mesh.on('cache', ({ state }) => said.push(state));
  expect(await mesh.client('players').get('/').text()).toBe('hello');
  await eventually(() => said.length > 0);
  hub.put('players', 'other', JSON.stringify(instanceOf({ id: 'other' })));
  expect(await mesh.client('players').get('/').text()).toBe('hello');
  await mesh.close();
  expect(said).toEqual(['failed']);
});

anyTest('F1: with any registry of the mesh, a partition at the start is bridged from disk', async () => {
  const cacheDir = await makeFolder();
  const hub = createMemoryRegistry();
  await open('players', { registry: hub.registry }).register({ server: await listening(), signals: false });
  const before = open('teams', { registry: hub.registry, cacheDir });
  await before.client('players').get('/').text();
  await before.close();
  hub.partition();
  const mesh = open('teams', { registry: hub.registry, cacheDir });
  expect(await mesh.client('players').get('/').text()).toBe('hello');
  expect(mesh.explain('players').registry.reason).toMatch(/^partitioned; from disk, \d+ s old$/);
  hub.heal();
  await eventually(() => mesh.explain('players').endpoints.every(({ suspect }) => !suspect));
  expect(mesh.explain('players')).toMatchObject({ registry: { state: 'current' }, endpoints: [{ suspect: false }] });
});

anyTest('F1: a folder of the file registry that cannot be read is bridged from disk', async () => {
  const folder = await makeFolder();
  const cacheDir = join(folder, 'cache');
  const registry = `file:${folder}/registry`;
  await open('players', { registry }).register({ server: await listening(), signals: false });
  const before = open('teams', { registry, cacheDir });
  await eventually(() => before.explain('players').endpoints.length === 1);
  await before.close();
  await rm(join(folder, 'registry'), { recursive: true });
  await writeFile(join(folder, 'registry'), 'a file where the folder should be');
  const mesh = open('teams', { registry, cacheDir });
  expect(await mesh.client('players').get('/').text()).toBe('hello');
});

test('F54: a service whose instances all leave is empty at once, and calls to it fail at once', async () => {
  const redis = await startRedis();
  cleanups.push(() => redis.close());
  const registry = redisRegistry({ url: redis.url });
  const registrations = await Promise.all(
    Array.from({ length: 10 }, async () =>
      open('players', { registry }).register({ server: await listening(), signals: false }),
    ),
  );
  const caller = open('teams', { registry, cacheDir: await makeFolder() });
  const players = caller.client('players');
  await eventually(() => caller.explain('players').endpoints.length === 10);
  expect(await players.get('/').text()).toBe('hello');
  await Promise.all(registrations.map((registration) => registration.leave()));
  await eventually(
    () => caller.explain('players').endpoints.length === 0,
    () => caller.explain('players'),
    2_000,
  );
  const began = performance.now();
  const error = await rejection(players.get('/').text());
  expect(error).toMatchObject({ code: 'MESH_NO_ENDPOINTS', attempts: 0 });
  expect(messageOf(error)).toMatch(/^no endpoint of 'players' is known: nobody announced it/);
  expect(performance.now() - began).toBeLessThan(1_000);
});
