import { afterEach, expect, test } from 'vitest';
import { createConsulRegistry } from '../../src/discovery/consul/consul-registry.ts';
import type { ConsulRegistryOptions } from '../../src/discovery/consul/options.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type CheckState, ConsulServer, type Registered } from '../support/consul-server.ts';
import { movingWith } from './moving.ts';
import { createScope, eventually, instanceOf } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
const service = (n: number, fields: Partial<Registered> = {}): Registered => ({
  ID: `p${n}`,
  Name: 'players',
  Address: `10.0.0.${n}`,
  Port: 8080,
  ...fields,
});
const check = (Status: string, Output = 'said so', CheckID = 'own'): CheckState => ({ CheckID, Status, Output });

async function setup(options: ConsulRegistryOptions = {}) {
  const server = new ConsulServer();
  await server.start();
  cleanups.push(() => server.stop());
  const clock = new ManualClock();
  const scope = createScope(clock);
  const registry = createConsulRegistry('registry', { url: server.url, ...options })(scope);
  const moving = movingWith(clock);
  cleanups.push(async () => {
    let closed = false;
    void registry.close().then(() => {
      closed = true;
    });
    await moving(100, () => closed);
  });
  const gauge = (name: string) => scope.metrics.value(name, { registry: registry.name });
  const follow = async () => {
    const watch = registry.watch('players', () => {});
    await eventually(
      () => watch.view.state === 'current' && server.waiting > 0,
      () => watch.view,
    );
    return watch;
  };
  return { server, clock, scope, registry, gauge, moving, follow };
}

const shows = (watch: Watch, expected: string) =>
  eventually(
    () => ids(watch) === expected,
    () => watch.view,
  );

// --- what is listed

test('an instance has the address of its service, else that of its node; metadata, tags and weight are taken over', async () => {
  const { server, follow } = await setup();
  const Meta = { version: '1.2.3', environment: 'production', zone: 'eu-1a' };
  server.put(service(1, { Meta, Tags: ['primary', 'v1'], Weights: { Passing: 7, Warning: 2 } }));
  server.put(service(2, { Address: '', Weights: { Passing: 60_000, Warning: 1 } }));
  const watch = await follow();
  const instances = watch.view.instances.map((one) => ({ ...one, attributes: { ...one.attributes } }));
  const same = { service: 'players', port: 8080, protocol: 'http', status: 'up', generation: 0 };
  expect(instances).toEqual([
    { ...same, id: 'node-1/p1', host: '10.0.0.1', weight: 7, attributes: { ...Meta, tags: 'primary,v1' } },
    { ...same, id: 'node-1/p2', host: '10.9.9.9', weight: 1_000, attributes: {} },
  ]);
});

test('what a check of the agent finds is believed: critical and maintenance are out, a warning weighs what it is said to', async () => {
  const { server, follow } = await setup();
  const Weights = { Passing: 10, Warning: 3 };
  server.put(service(1, { Weights }), check('passing'));
  server.put(service(2, { Weights }), check('passing'), check('warning'));
  server.put(service(3, { Weights }), check('critical'), check('passing'));
  server.put(service(4, { Weights }), check('critical', '', '_service_maintenance:p4'));
  server.put(service(5, { Weights: { Passing: 10, Warning: 0 } }), check('warning'));
  const watch = await follow();
  expect(watch.view.instances.map(({ id, weight }) => `${id} ${weight}`)).toEqual(['node-1/p1 10', 'node-1/p2 3']);
  server.check('p1', check('critical'));
  await shows(watch, 'node-1/p2');
  server.check('', check('critical', 'going down', '_node_maintenance'));
  await shows(watch, '');
  expect(watch.view.state).toBe('current');
});

test.each([
  ['its beat stayed away', check('critical', 'TTL expired (last output before timeout follows): fine')],
  ['its agent has just started', check('critical', '')],
  ['the other nodes do not hear its node', check('critical', 'Agent not live or unreachable', 'serfHealth')],
])('F16: when nobody says how an instance is (%s), it is in doubt and not gone', async (_, silence) => {
  const { server, clock, follow } = await setup();
  server.put(service(1));
  server.put(service(2));
  const watch = await follow();
  server.check('p1', silence);
  await eventually(() => watch.view.suspects.size === 1);
  expect(ids(watch)).toBe('node-1/p1 node-1/p2');
  server.check('p1', check('passing'));
  await eventually(() => watch.view.suspects.size === 0);
  server.check('p1', silence);
  await eventually(() => watch.view.suspects.size === 1 && server.waiting > 0);
  await clock.advance(31_000);
  expect(ids(watch)).toBe('node-1/p2');
});

test('F6: an agent that lists nobody never empties a set by itself', async () => {
  const { server, clock, follow } = await setup();
  for (let n = 1; n <= 5; n++) server.put(service(n));
  const watch = await follow();
  server.services.clear();
  server.changed();
  await eventually(() => watch.view.suspects.size === 5 && server.waiting > 0);
  await clock.advance(50_000);
  expect(watch.view.instances.length).toBe(5);
});

test('the query says what the options say, and each has the token of that moment', async () => {
  let tokens = 0;
  const { server, follow } = await setup({
    token: async () => `token-${++tokens}`,
    datacenter: 'eu-1',
    namespace: 'games',
    tags: ['primary', 'v 1'],
    consistency: 'stale',
  });
  server.put(service(1, { Tags: ['v 1', 'primary'] }));
  server.put(service(2, { Tags: ['primary'] }));
  expect(ids(await follow())).toBe('node-1/p1');
  const [first, second] = server.queries;
  expect(Object.fromEntries(first?.query ?? [])).toEqual({
    dc: 'eu-1',
    ns: 'games',
    stale: '',
    filter: '"primary" in Service.Tags and "v 1" in Service.Tags',
  });
  expect([first?.token, second?.token]).toEqual(['token-1', 'token-2']);
});

// --- blocking queries

test('a query waits for what comes after the last one, for about a minute; one that ends with nothing new only confirms', async () => {
  const { server, clock, registry } = await setup();
  server.put(service(1));
  const views: unknown[] = [];
  const watch = registry.watch('players', (view) => views.push(view));
  await eventually(() => server.waiting === 1);
  expect(server.queries.map(({ query }) => query.get('index'))).toEqual([null, '11']);
  const wait = Number(server.queries[1]?.query.get('wait')?.replace('ms', ''));
  expect(wait).toBeGreaterThanOrEqual(54_000);
  expect(wait).toBeLessThanOrEqual(66_000);
  await clock.advance(40_000);
  server.timeUp();
  await eventually(() => server.waiting === 1);
  expect(watch.view.asOf).toBe(clock.now());
  expect(views.length).toBe(1);
});

test('F5: an index that goes backwards is given up, and nobody goes until owners could return', async () => {
  const { server, clock, moving, follow } = await setup();
  for (let n = 1; n <= 3; n++) server.put(service(n));
  const watch = await follow();
  server.services.clear();
  server.services.set('p1', service(1));
  server.changed(3);
  await eventually(() => watch.view.suspects.size === 2);
  // Asked without an index, and then from the new one on.
  await moving(10, () => server.waiting === 1);
  expect(server.queries.map(({ query }) => query.get('index'))).toEqual([null, '13', null, '3']);
  watch.failed('node-1/p2');
  await clock.advance(24_000);
  expect(ids(watch)).toBe('node-1/p1 node-1/p2 node-1/p3');
  await clock.advance(32_000);
  expect(ids(watch)).toBe('node-1/p1');
});

test.each(['0', '', '-1', '1.5', 'x'])(
  'an index that is none (%j) is taken as 1, so that the next query waits',
  async (index) => {
    const { server, clock, registry } = await setup();
    server.put(service(1));
    server.headers = { 'x-consul-index': index };
    server.index = 0;
    const watch = registry.watch('players', () => {});
    await eventually(() => server.waiting === 1);
    expect(server.queries.map(({ query }) => query.get('index'))).toEqual([null, '1']);
    await clock.advance(10_000);
    expect(server.queries.length).toBe(2);
    expect(ids(watch)).toBe('node-1/p1');
  },
);

test('F59: a service that changes all the time is not asked for in a hurry', async () => {
  const { server, clock, registry } = await setup();
  server.put(service(1));
  const watch = registry.watch('players', () => {});
  await eventually(() => server.waiting === 1);
  const { length } = server.queries;
  const started = clock.now();
  while (clock.now() - started < 30_000) {
    server.changed();
    await clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // 60 rounds, and 5 of the burst.
  expect(server.queries.length - length).toBeLessThanOrEqual(66);
  expect(server.queries.length - length).toBeGreaterThan(20);
  expect(watch.view.state).toBe('current');
});

test('F9: an agent that does not come back from a query is lost, and found again', async () => {
  const { server, clock, moving, follow } = await setup();
  server.put(service(1));
  const watch = await follow();
  server.frozen = true;
  server.put(service(2));
  const wait = Number(server.queries[1]?.query.get('wait')?.replace('ms', ''));
  await clock.advance(wait * (1 + 1 / 16) + 9_000);
  expect(watch.view.state).toBe('current');
  await moving(200, () => watch.view.state === 'stale');
  expect(ids(watch)).toBe('node-1/p1');
  server.frozen = false;
  await moving(200, () => ids(watch) === 'node-1/p1 node-1/p2');
  // After a failure it is asked without an index, so that it answers at once.
  expect(server.queries[2]?.query.get('index')).toBe(null);
});

// --- what is hostile, or broken

test('F101: what nobody may be sent to is skipped, counted and said once; the others live', async () => {
  const { server, scope, registry, follow } = await setup();
  server.put(service(1));
  server.put(service(2, { Address: '169.254.169.254' }));
  server.put(service(3, { Address: '127.1' }));
  server.put(service(4, { Port: 0 }));
  server.put(service(5, { Port: 65_536 }));
  const watch = await follow();
  expect(ids(watch)).toBe('node-1/p1');
  server.changed();
  await eventually(() => server.queries.length === 3);
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['node-1/p2', 'node-1/p3', 'node-1/p4', 'node-1/p5']);
  const { name } = registry;
  expect(scope.metrics.value('registry_rejected', { registry: name, reason: 'host' })).toBeGreaterThanOrEqual(2);
});

test('F104: metadata that cannot be attributes is left out, and __proto__ is a name like any other', async () => {
  const { server, follow } = await setup();
  const Meta = JSON.parse('{"__proto__":"x","constructor":"y","bad":"a\\u0000b","long":"","version":"1","o":{},"n":7}');
  server.put(service(1, { Meta: { ...Meta, long: 'x'.repeat(513) } }));
  const watch = await follow();
  const attributes = watch.view.instances[0]?.attributes ?? {};
  expect(Object.entries(attributes)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
    ['version', '1'],
  ]);
  expect(Object.getPrototypeOf(attributes)).toBe(null);
});

test('F102: a record in metadata that is of another id or service is refused', async () => {
  const { server, scope, follow } = await setup();
  const meta = (fields: object) => ({
    'heddle-0': JSON.stringify(instanceOf(fields)).slice(0, 170),
    'heddle-1': JSON.stringify(instanceOf(fields)).slice(170),
  });
  server.put(service(1, { ID: 'a', Meta: meta({ id: 'b' }) }));
  server.put(service(2, { ID: 'c', Meta: meta({ id: 'c', service: 'payments' }) }));
  server.put(service(3, { ID: 'd', Meta: meta({ id: 'd', host: '169.254.169.254' }) }));
  server.put(service(4, { ID: 'e', Meta: meta({ id: 'e' }) }));
  expect(ids(await follow())).toBe('e');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['a', 'c', 'd']);
});

test.each([
  ['no JSON', 'it sent something that is no list', 'not json'],
  ['no list', 'it sent something that is no list', { Node: {} }],
])('F100: an answer that is %s takes nobody away', async (_, reason, body) => {
  const { server, moving, follow } = await setup();
  server.put(service(1));
  const watch = await follow();
  server.body = () => body;
  server.changed();
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe(reason);
  expect(ids(watch)).toBe('node-1/p1');
  server.body = undefined;
  await moving(50, () => watch.view.state === 'current');
});

test('F100: entries that are none are skipped, and the others live', async () => {
  const { server, scope, registry } = await setup();
  const good = { Node: { Node: 'n', Address: '10.0.0.7' }, Service: { ID: 'p7', Port: 80 }, Checks: null };
  // An object that throws when it is made a text.
  const tagged = { ...good, Service: { ID: 'p8', Port: 80, Tags: ['a', { toString: 1 }, 7, 'b'] } };
  server.body = () => [7, null, [], { Service: 7 }, { ...good, Checks: [7, null] }, tagged];
  const watch = registry.watch('players', () => {});
  await shows(watch, 'n/p7 n/p8');
  expect(watch.view.instances[1]?.attributes).toMatchObject({ tags: 'a,b' });
  expect(scope.seen('rejected').length).toBe(1);
});

test('F13: an agent that fails is asked less and less; a token that may not read takes a person, and all are served', async () => {
  const { server, clock, scope, gauge, moving, follow } = await setup({ token: 'secret' });
  server.put(service(1));
  const watch = await follow();
  server.refuse(500, 'No cluster leader');
  server.changed();
  await moving(10, () => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('it answered 500: No cluster leader');
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([0, 0]);
  await moving(50, () => watch.view.state === 'current');
  server.token = 'another';
  server.changed();
  await moving(10, () => gauge('registry_blocked') === 1);
  const { length } = server.queries;
  await clock.advance(20_000);
  expect(server.queries.length).toBe(length);
  expect(ids(watch)).toBe('node-1/p1');
  expect(scope.seen('registry').map(({ state, permanent }) => `${state} ${permanent}`)).toEqual([
    'connected false',
    'lost false',
    'connected false',
    'lost true',
  ]);
  expect(JSON.stringify([watch.view, scope.seen('registry')])).not.toContain('secret');
  server.token = 'secret';
  await moving(1_000, () => watch.view.state === 'current');
  expect(gauge('registry_blocked')).toBe(0);
});

test('F13: an empty list that the agent says it has filtered is no answer', async () => {
  const { server, gauge, follow } = await setup();
  server.put(service(1));
  const watch = await follow();
  server.headers = { 'x-consul-results-filtered-by-acls': 'true' };
  server.body = () => [];
  server.changed();
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('the token may not read the service');
  expect(watch.view.suspects.size).toBe(0);
  expect(gauge('registry_blocked')).toBe(1);
});

// --- owners

const owner = (fields: object = {}) =>
  instanceOf({ id: 'players/1 ü', attributes: { zone: 'eu-1a', 'a.b': 'c' }, ...fields });

test('an instance is registered with a check that ends with its beats, and with all that it said of itself', async () => {
  const { server, moving, registry, follow } = await setup({ register: true });
  const announcement = registry.announce(owner({ weight: 2.5, protocol: 'https' }));
  await eventually(() => announcement.state === 'announced');
  const registered = server.services.get('players/1 ü');
  expect(registered).toMatchObject({
    Name: 'players',
    Address: '10.0.0.1',
    Port: 8080,
    Weights: { Passing: 3, Warning: 3 },
    Check: { CheckID: 'service:players/1 ü', TTL: '30s', Status: 'passing', DeregisterCriticalServiceAfter: '1m' },
  });
  expect(registered?.Meta?.['zone']).toBe('eu-1a');
  expect(Object.keys(registered?.Meta ?? {})).not.toContain('a.b');
  const watch = await follow();
  const [seen] = watch.view.instances;
  expect({ ...seen, attributes: { ...seen?.attributes } }).toEqual(announcement.instance);
  const beats = () => server.asked.filter(({ path }) => path.startsWith('/v1/agent/check/pass/')).length;
  await moving(500, () => beats() === 3);
  expect(server.asked.filter(({ path }) => path === '/v1/agent/service/register').length).toBe(1);
});

test.each([false, true])(
  'F10: an agent that has forgotten is told again at the next beat (an agent of old: %s)',
  async (old) => {
    const { server, scope, moving, registry } = await setup({ register: true });
    server.old = old;
    const announcement = registry.announce(owner());
    await eventually(() => announcement.state === 'announced');
    server.remove('players/1 ü');
    await moving(500, () => server.services.has('players/1 ü'));
    // The service may be there, and its check gone.
    server.checks.delete('players/1 ü');
    await moving(500, () => server.checks.get('players/1 ü')?.[0]?.Status === 'passing');
    expect(scope.seen('announcement').map(({ state }) => state)).toEqual(['announced']);
  },
);

test('F2: an agent that is not there yet is told when it is; nobody waits for it', async () => {
  const { server, scope, moving, registry } = await setup({ register: true });
  await server.stop();
  const announcement = registry.announce(owner());
  await eventually(() => scope.seen('announcement').length === 1);
  expect(announcement.state).toBe('retrying');
  await server.start();
  await moving(50, () => announcement.state === 'announced');
  expect(server.services.size).toBe(1);
});

test('F13: an agent that refuses to register takes a person, who is told once', async () => {
  const { server, scope, gauge, moving, registry } = await setup({ register: true, token: 'reader' });
  server.token = 'writer';
  const announcement = registry.announce(owner());
  await eventually(() => gauge('registry_blocked') === 1);
  await moving(5_000, () => server.asked.length > 3);
  expect(announcement.state).toBe('retrying');
  expect(scope.seen('registry').length).toBe(1);
  expect(scope.seen('announcement').length).toBe(1);
});

test('F23: who finds a newer process under its id stops, and leaves what is there alone', async () => {
  const { server, moving, registry } = await setup({ register: true });
  const older = registry.announce(owner({ generation: 6 }));
  await eventually(() => older.state === 'announced');
  const newer = registry.announce(owner({ generation: 7, port: 7_777 }));
  await eventually(() => newer.state === 'announced');
  await moving(500, () => older.state === 'fenced');
  await older.leave();
  expect(server.services.get('players/1 ü')?.Port).toBe(7_777);
  expect(server.asked.filter(({ path }) => /deregister|fail/.test(path))).toEqual([]);
});

test('who leaves says so before it is deregistered, so that it is gone at once and not in doubt', async () => {
  const { server, moving, registry, follow } = await setup({ register: true });
  const announcement = registry.announce(owner());
  await eventually(() => announcement.state === 'announced');
  const watch = await follow();
  let left = false;
  const leaving = announcement.leave().then(() => {
    left = true;
  });
  await eventually(() => ids(watch) === '');
  expect(server.checks.get('players/1 ü')).toEqual([
    { CheckID: 'service:players/1 ü', Status: 'critical', Output: 'left' },
  ]);
  expect(left).toBe(false);
  await moving(50, () => left);
  await leaving;
  expect([server.services.size, announcement.state]).toEqual([0, 'left']);
  expect(watch.view.suspects.size).toBe(0);
});

test('a leave, and a close, wait a second at most for an agent that does not answer, and leave nothing behind', async () => {
  const { server, clock, registry, moving } = await setup({ register: true });
  const announcement = registry.announce(owner());
  const other = registry.announce(owner({ id: 'b' }));
  registry.watch('players', () => {});
  await eventually(() => announcement.state === 'announced' && other.state === 'announced' && server.waiting === 1);
  server.frozen = true;
  const started = clock.now();
  let over = 0;
  void announcement.leave().then(() => over++);
  await moving(20, () => over === 1);
  expect(clock.now() - started).toBeLessThanOrEqual(1_200);
  void registry.close().then(() => over++);
  await moving(20, () => over === 2);
  expect(clock.now() - started).toBeLessThanOrEqual(2_400);
  expect(clock.pending).toBe(0);
  expect(server.waiting).toBe(0);
});

test.each([
  [{ url: 'consul:8500' }, "url must be a URL such as 'http://127.0.0.1:8500', not 'consul:8500'"],
  [{ token: 'two words' }, "token must be a token, or a function, not 'something else'"],
  [{ tags: ['"'] }, `tags must be a list of tags without quotes, not '"'`],
  [{ datacenter: 'a b' }, `datacenter must be a name of letters, digits, ".", "_", "-", not 'a b'`],
  [{ namespace: '' }, `namespace must be a name of letters, digits, ".", "_", "-", not ''`],
])('the option in %j is refused', (options, message) => {
  expect(() => createConsulRegistry('registry', options)).toThrow(`registry.${message}`);
});
