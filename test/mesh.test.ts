import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { createMemoryRegistry } from '../src/discovery/memory.ts';
import { ConfigError, createMesh, type MeshOptions, merged, meshOf, type RegistryScope } from '../src/index.ts';
import { createScope, instanceOf } from './discovery/setup.ts';
import { atEnd, endAll, mesh } from './support/meshes.ts';

afterEach(endAll);

async function answering(body: string): Promise<string> {
  const server = createServer((_req, res) => res.end(body)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  atEnd(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
}

const base = { self: { service: 'teams' }, registry: {}, logger: false };

test.each([
  [{ ...base, self: undefined }, 'self must be an object, not undefined'],
  [
    { ...base, self: { service: 'Teams' } },
    'self.service must be a service name (1 to 63 of a-z, 0-9, ".", "_", "-"; a letter or digit at both ends), not \'Teams\'',
  ],
  [
    { ...base, self: { service: 'teams', zon: 'a' } },
    "self has no option 'zon'; it knows service, environment, version, zone, region, attributes",
  ],
  [{ ...base, self: { service: 'teams', zone: 1 } }, 'self.zone must be a string that is not empty, not 1'],
  [
    { ...base, self: { service: 'teams', attributes: { canary: true } } },
    'self.attributes.canary must be a string that is not empty, not true',
  ],
  [
    { ...base, addresses: { networks: ['10.0.0.0/40'] } },
    "addresses.networks[0] must be a network such as '10.0.0.0/8'",
  ],
  [{ ...base, cacheDir: '' }, "cacheDir must be a string that is not empty, not ''"],
  [{ ...base, cacheMaxAgeMs: 10 }, 'cacheMaxAgeMs must be a number of milliseconds of at least 1000, not 10'],
  [{ ...base, registry: 7 }, 'registry must be'],
  [{ ...base, registry: 'mysql://x' }, 'registry must be'],
  [{ ...base, registry: { players: ['10.0.0.1'] } }, 'registry.players'],
  [
    { ...base, retries: 3 },
    "createMesh has no option 'retries'; it knows self, registry, addresses, cacheDir, cacheMaxAgeMs, defaults, services, names, nameOverrides, inbound, isService, utilisation, logger, opentelemetry, clock, random",
  ],
  [
    { ...base, defaults: { deadlineMs: -1 } },
    'defaults.deadlineMs must be a number of milliseconds of at least 1, not -1',
  ],
  [
    { ...base, defaults: { deadlineMs: '5s' } },
    "defaults.deadlineMs must be a number of milliseconds of at least 1, not '5s'",
  ],
  [{ ...base, defaults: { retry: { attempts: 9 } } }, 'defaults.retry.attempts must be an integer from 1 to 5, not 9'],
  [
    { ...base, defaults: { retry: { times: 2 } } },
    "defaults.retry has no option 'times'; it knows attempts, baseMs, maxMs, budgetRatio, budgetPerSecond",
  ],
  [
    { ...base, services: { players: { concurrency: 0 } } },
    'services.players.concurrency must be an integer from 1 to 1000000, not 0',
  ],
  [
    { ...base, services: { players: { balancer: 'fastest' } } },
    "services.players.balancer must be one of recall, p2c, peak-ewma, least-loaded, round-robin, weighted-round-robin, random, not 'fastest'",
  ],
  [
    { ...base, services: { players: { balancer: 'maglev' } } },
    "services.players.balancer must be { kind: 'maglev', hashOn: … }, not 'maglev'",
  ],
  [
    { ...base, services: { players: { balancer: { kind: 'ring-hash' } } } },
    'services.players.balancer.hashOn must be { header: … }, { cookie: … } or a function, not undefined',
  ],
  [
    { ...base, services: { players: { balancer: { kind: 'ring-hash', hashOn: { header: 'x' }, boundedLoad: 1 } } } },
    'services.players.balancer.boundedLoad must be a number from 1.05 to 100, not 1',
  ],
  [
    { ...base, services: { players: { balancer: { kind: 'maglev', hashOn: { header: 'x' }, boundedLoad: 2 } } } },
    "services.players.balancer has no option 'boundedLoad'; it knows kind, hashOn",
  ],
  [
    { ...base, defaults: { balancer: { kind: 'p2c', hashOn: { header: 'x' } } } },
    "defaults.balancer has no option 'hashOn'; it knows kind",
  ],
  [
    { ...base, defaults: { balancer: { kind: 'maglev', hashOn: { header: '' } } } },
    "defaults.balancer.hashOn.header must be a string that is not empty, not ''",
  ],
  [
    { ...base, defaults: { balancer: { kind: 'maglev', hashOn: { header: 'x', cookie: 'y' } } } },
    'defaults.balancer.hashOn must be { header: … }, { cookie: … } or a function, not an object',
  ],
  [
    { ...base, defaults: { balancer: { kind: 'recall', softNack: 'yes' } } },
    "defaults.balancer.softNack must be true or false, not 'yes'",
  ],
  [
    { ...base, services: { players: { balancer: { kind: 'p2c', softNack: true } } } },
    "services.players.balancer has no option 'softNack'; it knows kind",
  ],
  [{ ...base, utilisation: 0.5 }, 'utilisation must be a function, not 0.5'],
  [{ ...base, defaults: { balancer: { kind: 'best' } } }, 'defaults.balancer.kind must be one of recall, p2c,'],
  [{ ...base, defaults: { balancer: 7 } }, 'defaults.balancer must be one of recall, p2c,'],
  [
    { ...base, services: { players: { where: { zone: '' } } } },
    'services.players.where.zone must be a string that is not empty',
  ],
  [
    { ...base, defaults: { locality: { prefer: 'near' } } },
    "defaults.locality.prefer must be 'nearest' or a list of 1 to 16 queries, not 'near'",
  ],
  [{ ...base, defaults: { locality: { prefer: [{}] } } }, 'prefer[0] must be a query that asks for something, not'],
  [{ ...base, defaults: { locality: { prefer: [] } } }, "prefer must be 'nearest' or a list of 1 to 16 queries"],
  [{ ...base, defaults: { locality: { minimum: 0 } } }, 'locality.minimum must be an integer from 1 to 1000, not 0'],
  [{ ...base, defaults: { subset: { size: 11 } } }, 'defaults.subset.size must be an integer from 12 to 10000, not 11'],
  [{ ...base, defaults: { subset: {} } }, 'defaults.subset.size must be an integer from 12 to 10000, not undefined'],
  [{ ...base, services: { 'no good': {} } }, 'a key of services must be a service name'],
  [{ ...base, isService: 'players' }, "isService must be a function, not 'players'"],
  [
    { ...base, logger: () => {} },
    'logger must be false or an object with the methods debug, info, warn, error, not a function',
  ],
  [{ ...base, opentelemetry: true }, 'opentelemetry must be false or the exports of @opentelemetry/api, not true'],
])('%#: a wrong option throws when the mesh is made: %j', (options, message) => {
  const make = () => createMesh(options as unknown as MeshOptions); // which the compiler would not take
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});

const shapes: readonly unknown[] = [
  null,
  [],
  [null],
  '',
  'x y',
  0,
  -1,
  1e308,
  Number.NaN,
  true,
  7n,
  Symbol('s'),
  new Map(),
  new Date(0),
  Object.create(null),
  { x: null },
  () => null,
];

/** The options with `value` in the place that `path` names. */
function withOption(path: string, value: unknown): MeshOptions {
  const options: Record<string, unknown> = { ...base, self: { service: 'teams' } };
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = options;
  for (const name of names) {
    const inner: Record<string, unknown> = { ...(at[name] as object) }; // an object, or nothing yet
    at[name] = inner;
    at = inner;
  }
  at[last] = value;
  return options as unknown as MeshOptions; // as a caller without types would
}

const service = ['', '.where', '.where.zone', '.deadlineMs', '.attemptTimeoutMs', '.concurrency', '.balancer'];
const limits = ['.retry', '.retry.attempts', '.breaker', '.breaker.restMs', '.health', '.health.failures'];
const places = ['.locality', '.locality.prefer', '.locality.minimum', '.subset', '.subset.size'];

test.each([
  ...['self', 'self.service', 'self.zone', 'self.attributes', 'self.attributes.a', 'registry', 'registry.players'],
  ...['addresses', 'addresses.networks', 'addresses.ports', 'addresses.names', 'cacheDir', 'cacheMaxAgeMs'],
  ...['defaults', 'services.players'].flatMap((place) =>
    [...service, ...limits, ...places].map((option) => place + option),
  ),
  ...['services', 'names', 'names.players', 'nameOverrides', 'isService', 'logger', 'opentelemetry', 'clock'],
])('%s of an odd shape is taken, or refused by its name', async (path) => {
  let refused = 0;
  for (const shape of shapes) {
    try {
      await createMesh(withOption(path, shape)).close();
    } catch (error) {
      expect(error, inspect(shape)).toMatchObject({ code: 'MESH_CONFIG', message: expect.stringContaining(path) });
      refused++;
    }
    // What is left out is `undefined`; null is a value, and a wrong one.
    if (shape === null) expect(refused).toBe(1);
  }
});

test('what a client, a listener and names are given is checked as well', () => {
  const made = mesh();
  const wrong = (run: (value: never) => unknown) => () => run(null as never); // as a caller without types would
  expect(wrong((where) => made.client('players', { where }))).toThrow(
    "client('players').where must be an object, not null",
  );
  expect(wrong((own) => made.client('players', own))).toThrow("client('players') must be an object, not null");
  expect(wrong((run) => made.withNames({ a: 'b' }, run))).toThrow('run of withNames must be a function, not null');
  expect(wrong((names) => made.withNames(names, () => 1))).toThrow('withNames must be an object, not null');
  expect(wrong((listener) => made.on('view', listener))).toThrow('listener must be a function, not null');
});

test('a registry that a function makes is given the rule of addresses and the last views, wherever the function stands', async () => {
  const { registry } = createMemoryRegistry();
  const cacheDir = await mkdtemp(join(tmpdir(), 'heddle-own-'));
  atEnd(() => rm(cacheDir, { recursive: true, force: true }));
  const scopes: RegistryScope[] = [];
  const own = (scope: RegistryScope) => {
    scopes.push(scope);
    return registry(scope);
  };
  const addresses = { ports: [8080] };
  mesh({ registry: [{}, own, merged(own, [{}, own])], addresses, cacheDir });
  expect(scopes.map((scope) => [scope.addresses?.refusal('10.0.0.1', 22), scope.lastViews?.patienceMs])).toEqual(
    Array(3).fill(['port', 250]),
  );
});

test('a registry that comes ready-made is the word of the application, like a list: no rule of addresses is asked', async () => {
  const url = new URL(await answering('hello'));
  const hub = createMemoryRegistry();
  const port = Number(url.port);
  const ready = hub.registry(createScope());
  ready.announce(instanceOf({ host: '127.0.0.1', port }));
  const addresses = { networks: ['10.0.0.0/8'] };
  expect(await mesh({ registry: ready, addresses }).client('players').get('/').text()).toBe('hello');
  const asked = mesh({ registry: hub.registry, addresses }).client('players').get('/');
  await expect(asked).rejects.toMatchObject({ code: 'MESH_NO_ENDPOINTS' });
});

test.each([
  ['undefined', () => undefined],
  ['a promise', async () => ({})],
  ['half of one', () => ({ announce() {}, watch() {} })],
])('a function that gives %s in the place of a registry is refused', (_, registry) => {
  const make = () => mesh({ registry: registry as never }); // as a caller without types would
  expect(make).toThrow('registry must be a function that gives a registry (announce, watch, services, close), not');
  expect(() => mesh({ registry: [{}, registry as never] })).toThrow('registry[1] must be a function that gives');
});

test('what cannot be wrapped is refused', () => {
  // @ts-expect-error: a number is no client
  expect(() => mesh().wrap(42)).toThrow('wrap must be given got, or a fetch, not 42');
});

test('an option that is undefined is as good as none', () => {
  const { settings } = mesh({ defaults: { retry: { attempts: undefined }, deadlineMs: undefined } }).explain('players');
  expect(settings.find(({ name }) => name === 'retry.attempts')).toEqual({
    name: 'retry.attempts',
    value: 3,
    from: 'default',
  });
});

test('explain tells of each setting where it comes from, the most special place first', () => {
  const made = mesh({
    defaults: { deadlineMs: 5_000, retry: { attempts: 2, baseMs: 10 }, breaker: false },
    services: { players: { retry: { attempts: 4 }, health: false } },
  });
  const settings = new Map(made.explain('players').settings.map(({ name, value, from }) => [name, [value, from]]));
  expect(settings.get('deadlineMs')).toEqual([5_000, 'defaults']);
  expect(settings.get('retry.attempts')).toEqual([4, 'services.players']);
  expect(settings.get('retry.baseMs')).toEqual([10, 'defaults']);
  expect(settings.get('retry.maxMs')).toEqual([250, 'default']);
  expect(settings.get('breaker')).toEqual([false, 'defaults']);
  expect(settings.get('health')).toEqual([false, 'services.players']);
  expect(made.explain('players').breaker.state).toBe('off');
});

test('explain tells what is known of each endpoint and what happened last', async () => {
  const dead = 'http://127.0.0.1:1';
  const made = mesh({ registry: { players: [dead, await answering('hello')] } });
  for (let i = 0; i < 10; i++) expect(await made.client('players').get('/').text()).toBe('hello');
  const explained = made.explain('players');
  expect(explained.endpoints.map(({ address, health }) => [address === dead, health]).sort()).toEqual([
    [false, 'up'],
    [true, 'down'],
  ]);
  expect(explained.recent.at(-1)?.what).toBe('127.0.0.1:1 down: cannot be reached');
  expect(String(explained)).toContain('retry.attempts = 3 (default)');
  expect(explained.stack.split('\n').map((line) => line.split(' ')[0])).toContain('attempt-timeout');
});

test('a client of its own settings has its own view of the service', async () => {
  const url = await answering('staging');
  const made = mesh({ registry: { players: [{ url, attributes: { environment: 'staging' } }] } });
  expect(
    await made
      .client('players', { where: { environment: 'staging' } })
      .get('/')
      .text(),
  ).toBe('staging');
  await expect(made.client('players', { where: { environment: 'production' } }).get('/')).rejects.toMatchObject({
    code: 'MESH_NO_ENDPOINTS',
    message: "no endpoint of 'players' matches environment=production (1 known, all environment=staging)",
  });
});

test('a call that found nobody was not sent, and says so', async () => {
  const error = await mesh()
    .client('players')
    .get('/')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'MESH_NO_ENDPOINTS', attempts: 0 });
  expect(meshOf(error)).toMatchObject({ service: 'players', endpoint: undefined, attempts: [] });
});

test('a listener that throws is told of as a fault and stops no call', async () => {
  const made = mesh({ registry: { players: ['http://127.0.0.1:1', await answering('hello')] } });
  const faults: unknown[] = [];
  made.on('fault', ({ source }) => faults.push(source));
  made.on('endpoint', () => {
    throw new Error('a bug of the application');
  });
  for (let i = 0; i < 10; i++) expect(await made.client('players').get('/').text()).toBe('hello');
  expect(faults).toEqual(["listener of 'endpoint'"]);
});

test('the figures count calls and attempts by outcome', async () => {
  const made = mesh({ registry: { players: [await answering('hello')] } });
  for (let i = 0; i < 3; i++) await made.client('players').get('/');
  const read = (name: string) => made.metrics().find((one) => one.name === name);
  expect(read('calls')).toMatchObject({
    labels: { service: 'players', binding: 'native', outcome: 'success' },
    value: 3,
  });
  expect(read('call_ms')).toMatchObject({ kind: 'histogram', count: 3 });
});

test('the figures of endpoints are those of all clients of a service: each counts once, and is down when it is for one of them', async () => {
  const dead = { url: 'http://127.0.0.1:1', attributes: { zone: 'a' } };
  const living = { url: await answering('hello'), attributes: { zone: 'b' } };
  const made = mesh({ registry: { players: [dead, living] } });
  const figures = () =>
    made
      .metrics()
      .filter(({ name, labels }) => name === 'endpoints' && labels['service'] === 'players')
      .map((one) => [one.labels['health'], one.kind === 'gauge' && one.value]);
  const one = made.client('players', { where: { zone: 'a' }, retry: false });
  expect(figures()).toEqual([
    ['all', 1],
    ['down', 0],
  ]);
  await expect(one.get('/')).rejects.toMatchObject({ code: 'MESH_CONNECT' });
  made.explain('players');
  made.client('players', { where: { zone: 'c' } });
  expect(figures()).toEqual([
    ['all', 2],
    ['down', 1],
  ]);
  await made.close();
  expect(figures()).toEqual([
    ['all', 0],
    ['down', 0],
  ]);
});

test('F88: names that somebody makes up do not fill the memory', async () => {
  const made = mesh();
  for (let i = 0; i < 2_500; i++)
    await made
      .client(`made-up-${i}`)
      .get('/')
      .catch(() => {});
  const gauges = made.metrics().filter(({ name, labels }) => name === 'endpoints' && labels['health'] === 'all');
  expect(gauges.length).toBeLessThanOrEqual(2_000);
});

test('a breaker that is forced holds for all clients of the service, also for those made later, and for no other', async () => {
  const made = mesh({ registry: { players: [await answering('hello')], referees: [await answering('hello')] } });
  const own = made.client('players', { deadlineMs: 1_000 });
  const seen: string[] = [];
  made.on('breaker', ({ service, state, cause }) => seen.push(`${service} ${state} ${cause}`));
  made.breaker('players').open();
  const later = made.client('players', { deadlineMs: 2_000 });
  for (const client of [made.client('players'), own, later])
    await expect(client.get('/')).rejects.toMatchObject({ code: 'MESH_BREAKER_OPEN' });
  expect(made.explain('players').breaker).toEqual({
    state: 'open',
    reason: 'the application opened it',
    forced: true,
  });
  expect(String(made.explain('players'))).toContain('breaker open (the application opened it)');
  expect(await made.client('referees').get('/').text()).toBe('hello');
  made.breaker('players').auto();
  for (const client of [made.client('players'), own, later]) expect(await client.get('/').text()).toBe('hello');
  expect(seen).toEqual(['players open forced', 'players closed forced']);
});

test('a breaker that is switched off cannot be forced, and says so', () => {
  const made = mesh({ registry: {}, services: { players: { breaker: false } } });
  expect(() => made.breaker('players')).toThrow("the breaker of 'players' is switched off");
  expect(() => made.breaker('No Name')).toThrow('breaker must be a service name');
});
