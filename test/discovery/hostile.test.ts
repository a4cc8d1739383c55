import got from 'got';
import { afterEach, describe, expect, test } from 'vitest';
import { messageOf } from '../../src/core/errors.ts';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { type AddressOptions, createMesh, type Mesh, type RegistryOption } from '../../src/index.ts';
import { rejection } from '../client/setup.ts';
import { closeServers, serve, type TestServer } from '../support/servers.ts';
import { inheritedNames, instanceOf } from './setup.ts';

const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  await closeServers();
});

function meshOver(registry: RegistryOption, addresses?: AddressOptions): Mesh {
  const mesh = createMesh({ self: { service: 'teams' }, registry, addresses, logger: false });
  meshes.push(mesh);
  return mesh;
}

const portOf = (server: TestServer) => Number(new URL(server.url).port);

const clients: readonly (readonly [name: string, call: (mesh: Mesh) => Promise<string>])[] = [
  ['the native client', (mesh) => mesh.client('players').get('/').text()],
  ['fetch', async (mesh) => await (await mesh.wrap(globalThis.fetch)('http://players/')).text()],
  ['got', (mesh) => mesh.wrap(got)('http://players/').text()],
];

const strict: readonly (readonly [allowed: AddressOptions | undefined, host: string, part: string])[] = [
  [undefined, 'teams.internal', 'host'],
  [{ names: ['*.example'] }, 'teams.internal', 'host'],
  [{ networks: ['10.0.0.0/8'] }, '127.0.0.1', 'host'],
  [{ ports: [80] }, '127.0.0.1', 'port'],
];
test.each(strict)(
  'F57: with %j allowed, nobody announces %s, which everybody who goes by the same would refuse',
  async (allowed, host, part) => {
    const registering = meshOver(createMemoryRegistry().registry, allowed).register({ port: 8080, host });
    await expect(registering).rejects.toMatchObject({ code: 'MESH_CONFIG' });
    await expect(registering).rejects.toThrow(`cannot be announced: its ${part} must be`);
  },
);

test('a host name that is allowed is announced', async () => {
  const mesh = meshOver(createMemoryRegistry().registry, { names: ['*.internal'] });
  const registration = await mesh.register({ port: 8080, host: 'teams.internal', signals: false });
  expect([registration.instance.host, registration.state]).toEqual(['teams.internal', 'announced']);
});

test('F100, F101: with hostile records coming all the time, every call goes to who is honest, and nowhere else', async () => {
  const honest = await serve((_req, res) => res.end('hello'));
  const trap = await serve((_req, res) => res.end('trap'));
  const hub = createMemoryRegistry();
  hub.put('players', 'honest', JSON.stringify(instanceOf({ id: 'honest', host: '127.0.0.1', port: portOf(honest) })));
  const mesh = meshOver(hub.registry, { networks: ['127.0.0.1', '10.0.0.0/8'], names: ['*.internal'] });
  const players = mesh.client('players');
  const hostile = [
    { host: '127.0.0.2', port: portOf(trap) },
    { host: 'localhost', port: portOf(trap) },
    { host: '::ffff:7f00:2', port: portOf(trap) },
    { host: '127.1', port: portOf(trap) },
    { host: '169.254.169.254', port: 80 },
    { service: 'payments' },
    { id: 'honest', host: '127.0.0.1', port: portOf(trap) },
    { weight: 1e308 },
    { attributes: { a: 'x'.repeat(10_000) } },
  ];
  for (let i = 0; i < 900; i++) {
    const id = `hostile-${i}`;
    hub.put('players', id, JSON.stringify(instanceOf({ id, ...hostile[i % hostile.length] })));
    expect(await players.get('/').text()).toBe('hello');
  }
  expect(mesh.explain('players').endpoints.map(({ id }) => id)).toEqual(['honest']);
  expect([honest.requests.length, trap.connections()]).toEqual([900, 0]);
});

test('F104: attributes called as what objects inherit are told, shown and asked for like any other', async () => {
  const { registry } = createMemoryRegistry();
  const attributes = inheritedNames();
  const own = createMesh({ self: { service: 'players', attributes }, registry, logger: false });
  meshes.push(own);
  const { instance } = await own.register({ port: 8080, host: '127.0.0.1', signals: false });
  expect(Object.entries(instance.attributes)).toEqual(Object.entries(attributes));
  const teams = meshOver(registry);
  const [shown] = teams.explain('players').endpoints;
  expect(Object.entries(shown?.attributes ?? {})).toEqual(Object.entries(attributes));
  const asked = (where: string) => rejection(teams.client('players', { where: JSON.parse(where) }).get('/'));
  expect(messageOf(await asked('{"__proto__":"x","valueOf":"y"}'))).toBe(
    "no endpoint of 'players' matches __proto__=x, valueOf=y (1 known, all __proto__=a, valueOf=)",
  );
  // These match, and go on to a port where nobody listens.
  expect(await asked(JSON.stringify(attributes))).toMatchObject({ code: 'MESH_CONNECT' });
  for (const made of [instance.attributes, shown?.attributes]) expect(Object.getPrototypeOf(made)).toBe(null);
});

describe.each(clients)('%s', (_name, call) => {
  /** A registry that holds one record, of a server at this name or address of this machine. */
  async function listing(host: string) {
    const server = await serve((_req, res) => res.end('hello'));
    const hub = createMemoryRegistry();
    const record = instanceOf({ host, port: portOf(server) });
    hub.put('players', record.id, JSON.stringify(record));
    return { server, registry: hub.registry };
  }

  test('F101: calls nobody whom a registry calls by a name', async () => {
    const { server, registry } = await listing('localhost');
    expect(messageOf(await rejection(call(meshOver(registry))))).toMatch(/^no endpoint of 'players' is known/);
    expect(server.connections()).toBe(0);
  });

  test('calls by a name that is allowed', async () => {
    const { registry } = await listing('localhost');
    expect(await call(meshOver(registry, { names: ['localhost'] }))).toBe('hello');
  });

  test('F101: does not connect when an allowed name leads out of the allowed networks', async () => {
    const { server, registry } = await listing('localhost');
    const mesh = meshOver(registry, { names: ['localhost'], networks: ['10.0.0.0/8'] });
    const error = await rejection(call(mesh));
    expect(messageOf(error)).toMatch(/'localhost' leads to .*127\.0\.0\.1.*, where nobody may be called/);
    expect(server.connections()).toBe(0);
  });

  test('calls by the names in lists of the application, whatever a registry may say', async () => {
    const server = await serve((_req, res) => res.end('hello'));
    const url = server.url.replace('127.0.0.1', 'localhost');
    expect(await call(meshOver({ players: [url] }, { networks: ['10.0.0.0/8'] }))).toBe('hello');
  });
});
