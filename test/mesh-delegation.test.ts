import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import got from 'got';
import { afterEach, describe, expect, test } from 'vitest';
import { createMemoryRegistry } from '../src/discovery/memory.ts';
import {
  createMesh,
  type Mesh,
  type MeshOptions,
  merged,
  meshOf,
  type Registry,
  type RegistryScope,
} from '../src/index.ts';
import { ManualClock, seededRandom } from '../src/testing/entry.ts';
import { createScope, eventually, instanceOf } from './discovery/setup.ts';
import { FakeRegistry, listen } from './server/support.ts';
import { ownRedis, redisServer } from './support/redis-server.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function mesh(options: Partial<MeshOptions>): Mesh {
  const made = createMesh({ self: { service: 'web' }, registry: {}, logger: false, ...options });
  closing.push(() => made.close());
  return made;
}

/** What a process answers: who it is, and what it was told. */
interface Answer {
  readonly who: string;
  readonly host: string;
  readonly target: string;
  readonly names: string;
}

/** A real server of a service, announced in a registry; it answers who it is, or with the answer of the service behind it. */
async function serving(service: string, options: Partial<MeshOptions>, behind?: string) {
  const made = mesh({ self: { service }, ...options });
  const server = createServer(
    made.inbound.listener((req, res) => {
      const { host, 'mesh-target': target, 'mesh-names': names } = req.headers;
      const own = JSON.stringify({ who: service, host, target, names: names ?? '' });
      if (behind === undefined) {
        res.end(own);
        return;
      }
      made
        .client(behind)
        .get('/')
        .text()
        .then(
          (text) => res.end(text),
          (error: unknown) => res.writeHead(500).end(String(error)),
        );
    }),
  );
  await listen(server);
  closing.push(() => server.close());
  closing.push(() => server.closeAllConnections());
  await made.register({ server, host: '127.0.0.1', signals: false });
  return made;
}

const ask = (caller: Mesh, service = 'players') => caller.client(service).get('/').json<Answer>();
const counted = (made: Mesh, name: string, reason: string) =>
  made.metrics().find((one) => one.name === name && one.labels['reason'] === reason);

describe('a name that is rewritten', () => {
  test('reaches the other service by each client, which is told of itself; the host stays what the caller said', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heddle-names-'));
    closing.push(() => rm(folder, { recursive: true }));
    const registry = `file:${folder}`;
    await serving('players-v2', { registry });
    const caller = mesh({ registry, names: { players: 'players-v2' } });
    await eventually(
      () => caller.explain('players').endpoints.length === 1,
      () => caller.explain('players'),
    );
    const { id = '' } = caller.explain('players').endpoints[0] ?? {};
    const wanted = { who: 'players-v2', host: 'players', target: `players-v2;${id}`, names: '' };
    expect(await ask(caller)).toEqual(wanted);
    expect(await caller.wrap(got)('http://players/x').json()).toEqual(wanted);
    const response = await caller.wrap(globalThis.fetch)('http://players/x');
    expect(await response.json()).toEqual(wanted);
    expect(meshOf(response)).toMatchObject({ service: 'players', endpoint: id });
  });

  test('that nobody answers to names the services that were looked up', async () => {
    const caller = mesh({ registry: { teams: [] }, names: { players: ['players-eu', 'players-us'] } });
    await expect(ask(caller)).rejects.toThrow(
      "no endpoint of 'players' (players-eu, players-us) is known: nobody announced it to static (it knows teams)",
    );
  });

  test('goes to the next alternative while the first has nobody, without a failed call', async () => {
    const hub = createMemoryRegistry();
    const { registry } = hub;
    const caller = mesh({ registry, names: { players: ['players-eu', 'players'] } });
    await serving('players', { registry });
    expect(await ask(caller)).toMatchObject({ who: 'players' });
    const eu = await serving('players-eu', { registry });
    await eventually(() => caller.explain('players').path?.next[0]?.share === 1);
    for (let i = 0; i < 20; i++) expect(await ask(caller)).toMatchObject({ who: 'players-eu' });
    await eu.close();
    for (let i = 0; i < 20; i++) expect(await ask(caller)).toMatchObject({ who: 'players' });
  });

  test('is split by weight, whatever the number of instances', async () => {
    const { registry } = createMemoryRegistry();
    for (const service of ['players-v1', 'players-v2', 'players-v2']) await serving(service, { registry });
    // A machine that is busy with other tests must not pass for an instance that is down.
    const defaults = { health: false, attemptTimeoutMs: false, deadlineMs: false } as const;
    const names = { players: { 'players-v1': 9, 'players-v2': 1 } };
    const caller = mesh({ registry, names, random: seededRandom(3), defaults });
    let second = 0;
    for (let i = 0; i < 10; i++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(caller)));
      second += answers.filter(({ who }) => who === 'players-v2').length;
    }
    // 20 of 200 on average; a choice among instances would give the second version most of them.
    expect(second).toBeGreaterThan(3);
    expect(second).toBeLessThan(45);
  });

  test('is explained step by step, and only when there is something to explain', async () => {
    const registry = {
      'players-v1': ['http://127.0.0.1:1'],
      'players-v2': ['http://127.0.0.1:1', 'http://127.0.0.1:2'],
    };
    const caller = mesh({
      registry,
      names: { players: ['players-eu', { 'players-v1': 9, 'players-v2': 1 }], 'players-eu': 'eu.players' },
    });
    expect(caller.explain('teams').path).toBe(undefined);
    expect(String(caller.explain('teams'))).not.toContain('name:');
    const explained = caller.explain('players');
    expect(explained.endpoints.map(({ id }) => id)).toEqual(['127.0.0.1:1', '127.0.0.1:2', 'players-v2/127.0.0.1:1']);
    expect(String(explained)).toContain(
      [
        'name:',
        '  players: names.players, the first of, 100 %',
        '    players-eu: names.players-eu, 0 %',
        '      eu.players: 0 known, current, 0 %',
        '    players: names.players[1], split, 100 %',
        '      players-v1: 1 known, current, 90 %',
        '      players-v2: 2 known, current, 10 %',
      ].join('\n'),
    );
  });

  test('has the settings of the name that is called', () => {
    const caller = mesh({ names: { players: 'players-v2' }, services: { players: { deadlineMs: 1_234 } } });
    expect(caller.explain('players').settings.find(({ name }) => name === 'deadlineMs')).toMatchObject({
      value: 1_234,
    });
  });
});

describe('names that a request puts in the place of others', () => {
  test('travel with the calls made for it, and count where the application allows it', async () => {
    const { registry } = createMemoryRegistry();
    await serving('players', { registry });
    await serving('players-canary', { registry });
    await serving('teams', { registry, nameOverrides: ['players-*'] }, 'players');
    const caller = mesh({ registry });
    expect(await ask(caller, 'teams')).toMatchObject({ who: 'players' });
    const through = () => caller.withNames({ players: 'players-canary' }, () => ask(caller, 'teams'));
    expect(await through()).toMatchObject({
      who: 'players-canary',
      host: 'players',
      names: 'players=players-canary',
    });
    expect(await ask(caller, 'teams')).toMatchObject({ who: 'players' });
    expect(caller.withNames({ players: 'players-canary' }, () => String(caller.explain('players')))).toContain(
      '  players: mesh-names players, the first of, 100 %\n    players-canary: 1 known, current, 100 %',
    );
  });

  test.each<[allow: MeshOptions['nameOverrides'], header: string, reason: string]>([
    [undefined, 'players=players-canary', 'refused'],
    [false, 'players=players-canary', 'refused'],
    [['other-*'], 'players=players-canary', 'refused'],
    [(from) => from !== 'players', 'players=players-canary', 'refused'],
    [true, 'players=players-canary;', 'malformed'],
    [true, 'players', 'malformed'],
  ])('are ignored and counted, and go no further, with %j and %s', async (nameOverrides, header, reason) => {
    const { registry } = createMemoryRegistry();
    await serving('players', { registry });
    await serving('players-canary', { registry });
    const teams = await serving('teams', { registry, nameOverrides }, 'players');
    const { address = '' } = mesh({ registry }).explain('teams').endpoints[0] ?? {};
    const answer = await got(address, { headers: { 'mesh-names': header } }).json();
    expect(answer).toMatchObject({ who: 'players', names: '' });
    expect(counted(teams, 'name_overrides_ignored', reason)).toMatchObject({ value: 1 });
  });

  test('of which some are allowed count as far as they are', async () => {
    const { registry } = createMemoryRegistry();
    await serving('players', { registry });
    await serving('players-canary', { registry });
    const faults: unknown[] = [];
    const nameOverrides = (_from: string, to: string) => {
      if (to === 'broken') throw new Error('mine');
      return to === 'players-canary';
    };
    const teams = await serving('teams', { registry, nameOverrides }, 'players');
    teams.on('fault', ({ source }) => faults.push(source));
    const { address = '' } = mesh({ registry }).explain('teams').endpoints[0] ?? {};
    const headers = { 'mesh-names': 'players=players-canary, a=b, c=broken' };
    expect(await got(address, { headers }).json()).toMatchObject({
      who: 'players-canary',
      names: 'players=players-canary',
    });
    expect(counted(teams, 'name_overrides_ignored', 'refused')).toMatchObject({ value: 1 });
    expect(faults).toEqual(['nameOverrides']);
  });

  test('lead where the rules do when nobody is there', async () => {
    const { registry } = createMemoryRegistry();
    await serving('players', { registry });
    const caller = mesh({ registry });
    const answer = await caller.withNames({ players: 'players-gone' }, () => ask(caller));
    expect(answer).toMatchObject({ who: 'players', names: 'players=players-gone' });
  });

  test('reach clients with options of their own too', async () => {
    const { registry } = createMemoryRegistry();
    await serving('players', { registry });
    await serving('players-canary', { registry });
    const caller = mesh({ registry });
    const own = caller.client('players', { deadlineMs: 2_000 });
    const answer = await caller.withNames({ players: 'players-canary' }, () => own.get('/').json<Answer>());
    expect(answer).toMatchObject({ who: 'players-canary' });
    expect(await own.get('/').json<Answer>()).toMatchObject({ who: 'players' });
    const picky = caller.client('players', { where: { environment: 'staging' } });
    await expect(
      caller.withNames({ players: 'players-canary' }, () => picky.get('/').json<Answer>()),
    ).rejects.toMatchObject({ code: 'MESH_NO_ENDPOINTS' });
  });

  /** A registry that counts how many watches of it are open, and how many were opened. */
  function countingRegistry() {
    const hub = createMemoryRegistry();
    const count = { open: 0, opened: 0 };
    const registry = (scope: RegistryScope): Registry => {
      const made = hub.registry(scope);
      const watch = made.watch.bind(made);
      made.watch = (...given) => {
        count.open++;
        count.opened++;
        const watched = watch(...given);
        const { close } = watched;
        return Object.assign(watched, {
          close: () => {
            count.open--;
            close();
          },
        });
      };
      return made;
    };
    return { hub, count, registry };
  }

  test('that are made up do not fill the memory, and a service that they do not concern is called as ever', async () => {
    const { count, registry } = countingRegistry();
    const caller = mesh({ registry, clock: new ManualClock() });
    for (let i = 0; i < 300; i++) {
      caller.withNames({ players: `made-up-${i}` }, () => caller.explain('players'));
      caller.withNames({ other: `made-up-${i}` }, () => caller.explain('players'));
    }
    expect(count.open).toBe(201);
    // What does not concern a service tells no two of its targets apart.
    const before = count.opened;
    for (let i = 0; i < 10; i++)
      caller.withNames({ players: 'canary', other: `made-up-${i}` }, () => caller.explain('players'));
    expect(count.opened - before).toBe(2);
    await caller.close();
    expect(count.open).toBe(0);
  });

  test('of a large service are remembered as long as their endpoints are no more than 100,000', async () => {
    const { hub, count, registry } = countingRegistry();
    for (let i = 0; i < 5_000; i++) hub.put('players', `p${i}`, JSON.stringify(instanceOf({ id: `p${i}` })));
    const caller = mesh({ registry, clock: new ManualClock() });
    for (let i = 0; i < 30; i++) caller.withNames({ players: `made-up-${i}` }, () => caller.explain('players'));
    // The service itself, and two watches for each of twenty.
    expect(count.open).toBe(41);
    await caller.close();
    expect(count.open).toBe(0);
  });

  test('past the bound stand for nothing while all others are being called, and that is counted', async () => {
    const waiting: (() => void)[] = [];
    const server = createServer((_req, res) => waiting.push(() => res.end('{"who":"players"}')));
    const port = await listen(server);
    closing.push(() => server.close());
    closing.push(() => server.closeAllConnections());
    const caller = mesh({ registry: { players: [`http://127.0.0.1:${port}`] } });
    const slow = { deadlineMs: false, attemptTimeoutMs: false, health: false, breaker: false } as const;
    const players = caller.client('players', slow);
    const calls = Array.from({ length: 101 }, (_, i) =>
      caller.withNames({ players: `made-up-${i}` }, () => players.get('/').json<Answer>()),
    );
    await eventually(() => waiting.length === 101);
    expect(counted(caller, 'name_overrides_ignored', 'too many')).toMatchObject({ value: 1 });
    for (const answer of waiting) answer();
    expect((await Promise.all(calls)).every(({ who }) => who === 'players')).toBe(true);
  });

  test('that come and go leave the connections alone that others use', async () => {
    let closed = 0;
    const server = createServer((_req, res) => res.end('{"who":"players"}'));
    server.on('connection', (socket) => socket.on('close', () => closed++));
    const port = await listen(server);
    closing.push(() => server.close());
    closing.push(() => server.closeAllConnections());
    const caller = mesh({ registry: { players: [`http://127.0.0.1:${port}`] } });
    for (let i = 0; i < 150; i++) await caller.withNames({ players: `made-up-${i}` }, () => ask(caller));
    expect(await ask(caller)).toEqual({ who: 'players' });
    expect(closed).toBe(0);
  });

  test('are checked where the application says them', () => {
    const caller = mesh({});
    expect(() => caller.withNames({ players: 'No good' }, () => 1)).toThrow(
      expect.objectContaining({ code: 'MESH_CONFIG' }),
    );
    expect(caller.withNames({ players: 'players-canary' }, () => 7)).toBe(7);
  });
});

describe('a mesh with several registries', () => {
  test('calls whom the first knows, and whom the second knows while the first knows nobody', async () => {
    const hub = createMemoryRegistry();
    const listed = createServer((_req, res) => res.end('{"who":"listed"}'));
    const port = await listen(listed);
    closing.push(() => listed.close());
    closing.push(() => listed.closeAllConnections());
    const caller = mesh({ registry: [hub.registry, { players: [`http://127.0.0.1:${port}`] }] });
    expect(await ask(caller)).toEqual({ who: 'listed' });
    const own = await serving('players', { registry: hub.registry });
    expect(await ask(caller)).toMatchObject({ who: 'players' });
    hub.partition();
    expect(await ask(caller)).toMatchObject({ who: 'players' });
    expect(caller.explain('players').registry).toMatchObject({
      name: '[memory, static]',
      state: 'stale',
      reason: 'memory: partitioned',
    });
    hub.heal();
    await own.close();
    expect(await ask(caller)).toEqual({ who: 'listed' });
  });

  test.skipIf(!ownRedis)(
    'goes on through a Redis that is not there, comes, is flushed and dies: a list first, then those that announced themselves',
    async () => {
      const redis = await redisServer();
      closing.push(() => redis.close());
      const listed = createServer((_req, res) => res.end('{"who":"listed"}'));
      const port = await listen(listed);
      closing.push(() => listed.close());
      closing.push(() => listed.closeAllConnections());
      const caller = mesh({ registry: [redis.url, { players: [`http://127.0.0.1:${port}`] }] });
      expect(await ask(caller)).toEqual({ who: 'listed' });
      expect(caller.explain('players').registry).toMatchObject({ state: 'stale' });
      expect(caller.explain('players').registry.reason).toContain(redis.url);

      await redis.start();
      await serving('players', { registry: redis.url });
      await eventually(
        () => caller.explain('players').endpoints[0]?.id.startsWith('players-') === true,
        () => caller.explain('players').registry,
        15_000,
      );
      const seen = new Set<string>();
      const calls = async (count: number) => {
        for (let i = 0; i < count; i++) seen.add((await ask(caller)).who);
      };
      await calls(20);
      await redis.command('FLUSHALL');
      await calls(50);
      await redis.kill();
      await eventually(() => caller.explain('players').registry.state === 'stale');
      await calls(50);
      expect([...seen]).toEqual(['players']);
    },
  );

  test('is explained: which of them the instances are from, also where a rule leads', async () => {
    const hub = createMemoryRegistry();
    const listed = { players: ['http://127.0.0.1:1'], 'players-eu': ['http://127.0.0.1:2'] };
    const registry = [hub.registry, merged({ teams: [] }, listed)];
    const caller = mesh({ registry, names: { game: ['players-eu', 'players'] } });
    const name = '[memory, merged(static, static)]';
    expect(caller.explain('players').registry).toMatchObject({ name, from: 'merged(static, static)' });
    hub.registry(createScope()).announce(instanceOf());
    expect(caller.explain('players').registry).toMatchObject({ name, from: 'memory' });
    expect(String(caller.explain('players'))).toContain(`registry ${name}: current, from memory`);
    expect(String(caller.explain('game'))).toContain(
      [
        '    players-eu: 1 known by merged(static, static), current, 100 %',
        '    players: 1 known by memory, current, 0 %',
      ].join('\n'),
    );
    const nested = mesh({ registry: merged({}, [{ teams: [] }, listed]) });
    expect(nested.explain('players').registry.from).toBe('');
    expect(mesh({ registry: [{}, [{}, listed]] }).explain('players').registry.from).toBe('static');
  });

  test('calls all that any of them knows when they are merged', async () => {
    const hubs = [createMemoryRegistry(), createMemoryRegistry()] as const;
    await serving('players', { registry: hubs[0].registry });
    await serving('players', { registry: hubs[1].registry });
    await serving('players', { registry: merged(hubs[0].registry, hubs[1].registry) });
    const registry = merged(hubs[0].registry, hubs[1].registry);
    const caller = mesh({ registry, defaults: { balancer: 'round-robin' } });
    expect(caller.explain('players').endpoints.length).toBe(3);
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 3; i++) seen.add(meshOf(await caller.client('players').get('/'))?.endpoint);
    expect(seen.size).toBe(3);
  });

  test('waits for one that has not answered before it is done without it, while the call waits', async () => {
    const clock = new ManualClock();
    const scope = createScope(clock);
    const silent = new FakeRegistry();
    const hub = createMemoryRegistry();
    hub.registry(scope).announce(instanceOf({ host: '127.0.0.1', port: 1 }));
    const caller = mesh({ registry: [silent, hub.registry], clock, defaults: { retry: { attempts: 1 } } });
    const reply = caller
      .client('players')
      .get('/')
      .catch((error: unknown) => error);
    await clock.advance(1_400);
    expect(caller.explain('players').registry.state).toBe('pending');
    await clock.advance(200);
    expect(await reply).toMatchObject({ code: 'MESH_CONNECT' });
  });
});
