import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMesh, type MeshOptions, type ServiceOptions } from '../../src/index.ts';
import { seededRandom } from '../../src/testing/entry.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

type Attributes = Readonly<Record<string, string>>;

/** Servers that answer with the name of their zone. */
async function zoneOf(name: string, count: number, attributes: Attributes) {
  const servers: Server[] = [];
  const addresses: { readonly url: string; readonly attributes: Attributes }[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer((_req, res) => res.end(name)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    servers.push(server);
    addresses.push({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, attributes }); // it listens on a port
  }
  const stop = async () => {
    for (const server of servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  closing.push(stop);
  return { addresses, stop };
}

async function threeZones(settings: ServiceOptions = {}, self: Partial<MeshOptions['self']> = {}) {
  const a = await zoneOf('a', 2, { zone: 'eu-1a', region: 'eu' });
  const b = await zoneOf('b', 2, { zone: 'eu-1b', region: 'eu' });
  const us = await zoneOf('us', 2, { zone: 'us-1a', region: 'us' });
  const mesh = createMesh({
    self: { service: 'teams', zone: 'eu-1a', region: 'eu', ...self },
    registry: { players: [...a.addresses, ...b.addresses, ...us.addresses] },
    // Which goes to all, however fast they are.
    defaults: { balancer: 'p2c', ...settings },
    logger: false,
    random: seededRandom(3),
  });
  closing.unshift(() => mesh.close());
  const players = mesh.client('players');
  const answers = async (calls = 60) => {
    const seen = new Set<string>();
    for (let i = 0; i < calls; i++) seen.add(await players.get('/').text());
    return [...seen].sort();
  };
  const tiers = () => mesh.explain('players').tiers.map(({ name, share, up }) => [name, share, up]);
  return { a, b, us, mesh, answers, tiers };
}

test('calls stay in the own zone, go to the region when it is down, and then anywhere; explain says so', async () => {
  const { a, b, mesh, answers, tiers } = await threeZones();
  const spills: string[] = [];
  mesh.on('spill', ({ service, state, reason }) => spills.push(`${service} ${state}: ${reason}`));
  const placed = () =>
    mesh.metrics().flatMap((one) => {
      const { service, place } = one.labels;
      return one.kind === 'counter' && one.name === 'attempts_by_place' && one.value > 0 ? [`${service} ${place}`] : [];
    });
  expect(await answers()).toEqual(['a']);
  expect(placed()).toEqual(['players zone']);
  expect(tiers()).toEqual([
    ['zone=eu-1a', 1, 2],
    ['region=eu', 0, 2],
    ['elsewhere', 0, 2],
  ]);
  expect(String(mesh.explain('players'))).toContain(
    'zone=eu-1a: 100 % of the calls; 2 endpoints, 2 up, could take 100 %',
  );
  await a.stop();
  expect(await answers()).toEqual(['b']);
  await expect.poll(tiers).toEqual([
    ['zone=eu-1a + region=eu', 1, 2],
    ['elsewhere', 0, 2],
  ]);
  await b.stop();
  expect(await answers()).toEqual(['us']);
  expect(placed().sort()).toEqual(['players elsewhere', 'players region', 'players zone']);
  expect(spills).toEqual(['players begun: zone=eu-1a + region=eu 100 %']);
  expect(String(mesh.explain('players'))).toContain('spill begun: zone=eu-1a + region=eu 100 %');
});

test('whom to prefer can be said; those that are down are not preferred alone', async () => {
  const { mesh, answers, tiers, us } = await threeZones({
    locality: { prefer: [{ region: 'us' }], minimum: 2 },
  });
  expect(await answers()).toEqual(['us']);
  await us.stop();
  expect(await answers()).toEqual(['a', 'b']);
  await expect.poll(tiers).toEqual([['region=us + elsewhere', 1, 4]]);
  expect(mesh.explain('players').settings).toContainEqual({
    name: 'locality.prefer',
    value: 'region=us',
    from: 'defaults',
  });
});

test.each<[string, ServiceOptions, Partial<MeshOptions['self']>]>([
  ['is told that it does not matter', { locality: false }, {}],
  ['does not say where it is', {}, { zone: undefined, region: undefined }],
])('one that %s calls all zones', async (_, settings, self) => {
  const { answers, tiers, mesh } = await threeZones(settings, self);
  expect(await answers()).toEqual(['a', 'b', 'us']);
  expect(tiers()).toEqual([]);
  expect(String(mesh.explain('players'))).not.toContain('tiers:');
});

test('explain tells how many of a large service are called', async () => {
  const list = Array.from({ length: 40 }, (_, i) => `http://10.0.0.${i + 1}:80`);
  const self = { service: 'teams' };
  const mesh = createMesh({ self, registry: { players: list }, defaults: { subset: { size: 12 } }, logger: false });
  closing.push(() => mesh.close());
  const explained = mesh.explain('players');
  expect(explained.tiers).toEqual([
    { name: 'all', share: 1, capacity: 1, endpoints: 40, called: 12, up: 12, panicking: false },
  ]);
  expect(String(explained)).toContain(
    'all: 100 % of the calls; 40 endpoints, 12 of the 12 called up, could take 100 %',
  );
  expect(explained.settings).toContainEqual({ name: 'subset.size', value: 12, from: 'defaults' });
});

const bySession = { kind: 'ring-hash', hashOn: { header: 'x-user' } } as const;
const ofSubset = { subset: { size: 12 } } as const;

test.each<[where: string, settings: Pick<MeshOptions, 'defaults' | 'services'>]>([
  ['defaults', { defaults: { ...ofSubset, balancer: bySession } }],
  ['services.players', { services: { players: { ...ofSubset, balancer: { ...bySession, kind: 'maglev' } } } }],
  ['services.players', { defaults: ofSubset, services: { players: { balancer: bySession } } }],
  ['services.players', { defaults: { balancer: bySession }, services: { players: ofSubset } }],
])('a subset and a picker by key are refused together when the mesh is made (%s)', (where, settings) => {
  const make = () => createMesh({ self: { service: 'teams' }, registry: { players: [] }, logger: false, ...settings });
  expect(make).toThrow(new RegExp(`^${where}.subset must be false where ${where}.balancer is '(ring-hash|maglev)'`));
});

test('a subset and a picker by key are refused together when a client is made, and go together when one is switched off', () => {
  const mesh = createMesh({
    self: { service: 'teams' },
    registry: { players: [] },
    logger: false,
    defaults: ofSubset,
    services: { sessions: { subset: false, balancer: bySession } },
  });
  closing.push(() => mesh.close());
  expect(() => mesh.client('players', { balancer: bySession })).toThrow("client('players').subset must be false where");
  mesh.client('players', { subset: false, balancer: bySession });
});
