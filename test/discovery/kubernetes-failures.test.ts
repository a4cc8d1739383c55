import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import { createKubernetesRegistry } from '../../src/discovery/kubernetes/kubernetes-registry.ts';
import type { KubernetesRegistryOptions } from '../../src/discovery/kubernetes/options.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { selfSigned } from '../support/certificates.ts';
import { type EndpointFields, KubernetesServer, sliceOf } from '../support/kubernetes-server.ts';
import { movingWith } from './moving.ts';
import { createScope, eventually } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
const at = (watch: Watch) => watch.view.instances.map(({ host, port }) => `${host}:${port}`).join(' ');
const pod = (n: number, fields: Partial<EndpointFields> = {}): EndpointFields => ({
  address: `10.0.0.${n}`,
  pod: `p${n}`,
  ...fields,
});

async function setup(server = new KubernetesServer(), options: KubernetesRegistryOptions = {}) {
  await server.start();
  cleanups.push(() => server.stop());
  const clock = new ManualClock();
  const scope = createScope(clock);
  const given = { server: server.url, namespace: 'default', ...options };
  const registry = createKubernetesRegistry('registry', given)(scope);
  cleanups.push(() => registry.close());
  const gauge = (name: string) => scope.metrics.value(name, { registry: registry.name });
  const moving = movingWith(clock);
  const follow = async (service = 'players') => {
    const watch = registry.watch(service, () => {});
    await eventually(
      () => watch.view.state === 'current' && server.watching > 0,
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

test('a list comes in pages, and all of them are of one version', async () => {
  const { server, follow } = await setup();
  for (let n = 1; n <= 25; n++) server.put(sliceOf(`s${n}`, [pod(n)]));
  const watch = await follow();
  expect(watch.view.instances.length).toBe(25);
  expect(server.lists.map(({ query }) => [query.get('limit'), query.get('continue')])).toEqual([
    ['10', null],
    ['10', '10:125'],
    ['10', '20:125'],
  ]);
  expect(server.lists[0]?.query.get('labelSelector')).toBe('kubernetes.io/service-name=players');
  expect(server.watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['125']);
});

test('a list that is too old before its last page is listed anew', async () => {
  const { server, registry } = await setup();
  for (let n = 1; n <= 11; n++) server.put(sliceOf(`s${n}`, [pod(n)]));
  server.refusals.push((_, response) => {
    response.writeHead(200).end(JSON.stringify({ metadata: { resourceVersion: '5', continue: '10:5' }, items: [] }));
    server.forget();
  });
  const watch = registry.watch('players', () => {});
  await eventually(
    () => watch.view.instances.length === 11,
    () => [watch.view, server.asked],
  );
  expect(server.lists.map(({ query }) => query.get('continue'))).toEqual([null, '10:5', null, '10:112']);
});

test('the slices of a service make one set, in which an endpoint that two of them have is there once', async () => {
  const { server, follow } = await setup();
  server.put(sliceOf('a', [pod(1), pod(2, { ready: false })]), sliceOf('b', [pod(2, { ready: true }), pod(3)]));
  const watch = await follow();
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2 p3.uid-of-p3');
  server.put(sliceOf('a', [pod(1, { terminating: true })]), sliceOf('b', [pod(1), pod(2), pod(3)]));
  await shows(watch, 'p2.uid-of-p2 p3.uid-of-p3');
});

test('F57: a pod with an address of either family is one instance, at its IPv4 address; one with IPv6 only is called there', async () => {
  const { server, follow } = await setup();
  server.put(
    sliceOf(
      'v6',
      [
        { address: 'fd00::1', pod: 'p1' },
        { address: 'fd00::2', pod: 'p2' },
      ],
      { addressType: 'IPv6' },
    ),
    sliceOf('v4', [pod(1)]),
  );
  const watch = await follow();
  expect(at(watch)).toBe('10.0.0.1:8080 fd00::2:8080');
});

test('a pod that terminates, or is not ready, wants no calls; what is not said means ready', async () => {
  const { server, follow } = await setup();
  server.put(
    sliceOf('a', [
      pod(1),
      pod(2, { ready: true }),
      pod(3, { ready: false }),
      pod(4, { ready: true, terminating: true }),
    ]),
  );
  const watch = await follow();
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2');
  server.put(sliceOf('a', [pod(1, { ready: false, terminating: true }), pod(2, { ready: false })]));
  await shows(watch, '');
  expect(watch.view.state).toBe('current');
});

test('an instance is told by its pod, or by its address when there is none behind it; its zone and the attributes of the options are there', async () => {
  const { server, follow } = await setup(undefined, { attributes: { environment: 'production' } });
  server.put(sliceOf('a', [pod(1, { zone: 'eu-1a' }), { address: '10.0.0.2' }]));
  const watch = await follow();
  const instances = watch.view.instances.map((one) => ({ ...one, attributes: { ...one.attributes } }));
  const same = { service: 'players', port: 8080, protocol: 'http', weight: 1, status: 'up', generation: 0 };
  expect(instances).toEqual([
    { ...same, id: '10.0.0.2:8080', host: '10.0.0.2', attributes: { environment: 'production' } },
    { ...same, id: 'p1.uid-of-p1', host: '10.0.0.1', attributes: { environment: 'production', zone: 'eu-1a' } },
  ]);
});

test.each([
  [
    'the one named http',
    undefined,
    [
      { name: 'metrics', port: 1 },
      { name: 'http', port: 2 },
    ],
    'http:2',
  ],
  [
    'else the first',
    undefined,
    [
      { name: 'metrics', port: 1 },
      { name: 'web', port: 2 },
    ],
    'http:1',
  ],
  [
    'but not one of UDP',
    undefined,
    [
      { name: 'dns', port: 1, protocol: 'UDP' },
      { name: 'web', port: 2 },
    ],
    'http:2',
  ],
  [
    'the one that is named',
    'web',
    [
      { name: 'http', port: 1 },
      { name: 'web', port: 2 },
    ],
    'http:2',
  ],
  [
    'the one of that number',
    2,
    [
      { name: 'http', port: 1 },
      { name: '', port: 2 },
    ],
    'http:2',
  ],
  ['by TLS when it says so', undefined, [{ name: 'http', port: 1, appProtocol: 'https' }], 'https:1'],
  ['by TLS when it is named so', undefined, [{ name: 'https', port: 1 }], 'https:1'],
  ['a number, when the service names no ports', 8080, null, 'http:8080'],
])('the port that is called: %s', async (_, port, ports, expected) => {
  const { server, follow } = await setup(undefined, { port });
  server.put(sliceOf('a', [pod(1)], { ports }));
  const watch = await follow();
  expect(watch.view.instances.map((one) => `${one.protocol}:${one.port}`)).toEqual([expected]);
});

test('F55: a service of another namespace is called name.namespace, and has nothing to do with one of that name here', async () => {
  const { server, registry, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]), sliceOf('a', [pod(2)], { namespace: 'prod' }));
  expect(at(await follow())).toBe('10.0.0.1:8080');
  const other = await follow('players.prod');
  expect(other.view.instances).toMatchObject([{ service: 'players', host: '10.0.0.2' }]);
  const none = registry.watch('a.b.c', () => {});
  expect(none.view).toMatchObject({
    state: 'stale',
    reason: 'in Kubernetes a service is called name or name.namespace',
  });
  expect(await registry.services()).toEqual(['players']);
});

// --- what is hostile, or broken

test('F101: names, forbidden addresses and ports that are none are skipped, counted and said once; the others live', async () => {
  const { server, scope, registry, follow } = await setup();
  server.put(
    sliceOf('metadata', [{ address: '169.254.169.254', pod: 'metadata' }, pod(1)]),
    sliceOf('mapped', [{ address: '::ffff:169.254.169.254', pod: 'mapped' }], { addressType: 'IPv6' }),
    sliceOf('zone', [{ address: 'fe80::1%eth0', pod: 'zone' }], { addressType: 'IPv6' }),
    sliceOf('odd', [
      { address: '127.1', pod: 'odd' },
      { address: 'players', pod: 'name' },
    ]),
    sliceOf('family', [{ address: 'fd00::1', pod: 'family' }]),
    sliceOf('name', [{ address: 'evil.example.com' }], { addressType: 'FQDN' }),
    sliceOf('port', [pod(2)], { ports: [{ name: 'http', port: 0 }] }),
    sliceOf('all-ports', [pod(3)], { ports: [{ name: 'http', port: null }] }),
    sliceOf('no-ports', [pod(4)], { ports: null }),
  );
  const watch = await follow();
  expect(at(watch)).toBe('10.0.0.1:8080');
  const said = scope.seen('rejected').map(({ source, id }) => `${source} ${id.split('.')[0]}`);
  expect(said.sort()).toEqual(
    ['family', 'mapped', 'metadata', 'name', 'name', 'no-ports', 'odd', 'p2', 'p3', 'zone'].map(
      (id) => `players ${id}`,
    ),
  );
  const { name } = registry;
  expect(scope.metrics.value('registry_rejected', { registry: name, reason: 'host' })).toBe(7);
  expect(scope.metrics.value('registry_rejected', { registry: name, reason: 'port' })).toBe(3);
});

test('F101: where slices may lead is up to the rule that the registry is given', async () => {
  const { server } = await setup();
  server.put(
    sliceOf('a', [pod(1), { address: '10.1.0.2' }]),
    sliceOf('b', [{ address: '10.1.0.3' }], { ports: [{ port: 22 }] }),
  );
  const addresses = resolveAddresses('addresses', { networks: ['10.1.0.0/16'], ports: [8080] });
  const scope = { ...createScope(), addresses };
  const registry = createKubernetesRegistry('registry', { server: server.url, namespace: 'default' })(scope);
  cleanups.push(() => registry.close());
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'current');
  expect(at(watch)).toBe('10.1.0.2:8080');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['p1.uid-of-p1', '10.1.0.3:22']);
});

test('F102: a slice that says it is of another service, or lies in another namespace, is not believed', async () => {
  const { server, scope, follow } = await setup();
  const watch = await follow();
  const added = (object: object) => server.say(`${JSON.stringify({ type: 'ADDED', object })}\n`);
  const withVersion = (slice: ReturnType<typeof sliceOf>) => ({
    ...slice,
    metadata: { ...slice.metadata, resourceVersion: '900' },
  });
  added(withVersion(sliceOf('payments', [pod(1)], { service: 'payments' })));
  added(withVersion(sliceOf('elsewhere', [pod(2)], { namespace: 'prod' })));
  added(withVersion(sliceOf('mine', [pod(3)])));
  await shows(watch, 'p3.uid-of-p3');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['payments', 'elsewhere']);
});

test('F104: names such as __proto__ are names like any other', async () => {
  const { server, follow } = await setup();
  server.put(sliceOf('__proto__', [pod(1, { pod: '__proto__', zone: '__proto__' }), pod(2, { pod: 'constructor' })]));
  const watch = await follow();
  expect(ids(watch)).toBe('__proto__.uid-of-__proto__ constructor.uid-of-constructor');
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test.each([
  ['no JSON', '{"items":'],
  ['no object', '7'],
  ['no items', '{"metadata":{"resourceVersion":"1"}}'],
  ['no version', '{"items":[]}'],
])('F100: an answer that is no list (%s) takes nobody away, and is asked for again', async (_, text) => {
  const { server, registry, moving } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  server.refusals.push((_request, response) => response.writeHead(200).end(text));
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('it sent something that is no list');
  await moving(50, () => ids(watch) === 'p1.uid-of-p1');
});

test('F100: parts that are not what they should be are skipped, and the others live', async () => {
  const { server, scope, registry } = await setup();
  const good = sliceOf('good', [pod(1)]);
  const items = [
    7,
    null,
    { metadata: {} },
    { ...good, endpoints: 'none' },
    { ...good, endpoints: null },
    { ...good, endpoints: [7, { addresses: 'x' }, ...(good['endpoints'] as [])] },
    // An object that throws when it is made a text.
    { ...good, endpoints: [{ addresses: [{ toString: 1 }] }] },
    { ...good, ports: [{ port: { toString: 1 } }] },
    good,
  ];
  server.refusals.push((_, response) =>
    response.writeHead(200).end(JSON.stringify({ metadata: { resourceVersion: '150' }, items })),
  );
  const watch = registry.watch('players', () => {});
  await shows(watch, 'p1.uid-of-p1');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['a slice', ':8080', 'p1.uid-of-p1']);
});

test('F100: a line of a watch that is no JSON takes nobody away: all is listed anew', async () => {
  const { server, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.lose('a');
  server.put(sliceOf('b', [pod(2)]));
  server.say('{"type":"ADDED",\n');
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('it sent a line that is no JSON');
  await moving(50, () => watch.view.state === 'current');
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2');
  expect([...watch.view.suspects]).toEqual(['p1.uid-of-p1']);
});

test('F100: a line of ten megabytes is refused before it is whole', async () => {
  const { server, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  for (let mb = 0; mb < 10; mb++) server.say(Buffer.alloc(1_048_576, 'x'));
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('it sent a line of more than 4194304 bytes');
  await eventually(() => server.watching === 0);
  await moving(50, () => watch.view.state === 'current');
  expect(ids(watch)).toBe('p1.uid-of-p1');
});

test('F100: an answer without an end is refused', async () => {
  const { server, registry } = await setup();
  server.refusals.push((_, response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(4_194_304, ' ');
    const more = () => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  const watch = registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
    15_000,
  );
  expect(watch.view.reason).toBe('it sent an answer of more than 33554432 bytes');
});

// --- watching

test('what changes is told by the watch, wherever its pieces end, be it within a character', async () => {
  const { server, follow } = await setup();
  const watch = await follow();
  const object = sliceOf('a', [pod(1, { zone: 'zürich-€-𝄞' })]);
  const line = Buffer.from(
    `\n${JSON.stringify({ type: 'ADDED', object: { ...object, metadata: { ...object.metadata, resourceVersion: '200' } } })}\n`,
  );
  for (const byte of line) {
    server.say(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await shows(watch, 'p1.uid-of-p1');
  expect(watch.view.instances[0]?.attributes['zone']).toBe('zürich-€-𝄞');
});

test('a watch goes on from the last version that it heard of, bookmarks included, and nothing is listed again', async () => {
  const { server, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.put(sliceOf('a', [pod(1), pod(2)]));
  await shows(watch, 'p1.uid-of-p1 p2.uid-of-p2');
  server.bookmark();
  server.endWatches();
  await moving(10, () => server.watches.length === 2 && server.watching === 1);
  expect(server.watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['101', '103']);
  expect(server.watches[0]?.query.get('allowWatchBookmarks')).toBe('true');
  server.breakWatches();
  server.put(sliceOf('b', [pod(3)]));
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2 p3.uid-of-p3');
  expect(server.lists.length).toBe(1);
  expect(watch.view.state).toBe('current');
});

test('watches of many processes end at different times', async () => {
  const { server, registry } = await setup();
  for (let n = 0; n < 20; n++) registry.watch(`s${n}`, () => {});
  await eventually(() => server.watching === 20);
  const seconds = server.watches.map(({ query }) => Number(query.get('timeoutSeconds')));
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(192);
  expect(Math.max(...seconds)).toBeLessThanOrEqual(288);
  expect(new Set(seconds).size).toBeGreaterThan(5);
});

test.each(['status', 'event'] as const)(
  'F21: a version that the server has forgotten is listed anew (told by %s), and who is not listed any more is in doubt',
  async (gone) => {
    const { server, scope, clock, moving, follow } = await setup();
    server.gone = gone;
    server.put(sliceOf('a', [pod(1)]), sliceOf('b', [pod(2)]));
    const watch = await follow();
    server.breakWatches();
    server.lose('a');
    server.forget();
    await moving(10, () => watch.view.suspects.size === 1);
    expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2');
    expect([...watch.view.suspects]).toEqual(['p1.uid-of-p1']);
    expect(server.lists.length).toBe(2);
    expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
    await eventually(() => server.watching === 1);
    await clock.advance(31_000);
    expect(ids(watch)).toBe('p2.uid-of-p2');
  },
);

test('F6: slices that are deleted, all of them, and lists that are empty never empty a set by themselves', async () => {
  const { server, clock, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1), pod(2)]), sliceOf('b', [pod(3)]));
  const watch = await follow();
  server.delete('a');
  server.delete('b');
  await eventually(() => watch.view.suspects.size === 3);
  server.forget();
  server.breakWatches();
  await moving(10, () => server.lists.length === 2 && server.watching === 1);
  await clock.advance(120_000);
  expect(ids(watch)).toBe('p1.uid-of-p1 p2.uid-of-p2 p3.uid-of-p3');
  watch.failed('p1.uid-of-p1');
  expect(ids(watch)).toBe('p2.uid-of-p2 p3.uid-of-p3');
});

test('F8: a server that ends each watch at once, or finds each version too old, is not asked in a hurry', async () => {
  const { server, clock, scope, registry } = await setup();
  const watch = registry.watch('players', () => {});
  await eventually(() => server.watching === 1);
  const { length } = server.asked;
  const started = clock.now();
  while (clock.now() - started < 60_000) {
    server.endWatches();
    server.forget();
    await clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // 12 rounds and 4 of the burst, each of a list and a watch.
  expect(server.asked.length - length).toBeLessThanOrEqual(34);
  expect(server.asked.length - length).toBeGreaterThan(10);
  expect(watch.view.state).toBe('current');
  expect(scope.seen('registry').length).toBe(1);
});

test('F9: a watch that died unnoticed is opened anew when it should have ended, and the server is lost when it does not answer', async () => {
  const { server, clock, scope, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  server.frozen = true;
  server.put(sliceOf('a', [pod(1), pod(2)]));
  const seconds = Number(server.watches[0]?.query.get('timeoutSeconds'));
  await clock.advance(seconds * 1_000 + 9_000);
  expect(server.watches.length).toBe(1);
  await moving(100, () => server.watches.length === 2);
  expect(watch.view.state).toBe('current');
  await moving(500, () => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('no answer within 10000 ms');
  expect(ids(watch)).toBe('p1.uid-of-p1');
  server.frozen = false;
  await moving(500, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
});

// --- refusals

test('F13: 403 takes a person: it is said once, a gauge is up, all are served, and it heals when somebody has mended it', async () => {
  const { server, clock, scope, gauge, moving, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([1, 0]);
  server.refuse(403, {}, 'endpointslices.discovery.k8s.io is forbidden:\n User "me" cannot watch');
  server.sticky = true;
  server.breakWatches();
  await moving(50, () => watch.view.state === 'stale');
  const { length } = server.asked;
  await clock.advance(10_000);
  expect(server.asked.length).toBe(length);
  await moving(5_000, () => server.asked.length > length + 3);
  const reason = 'it answered 403: endpointslices.discovery.k8s.io is forbidden:  User "me" cannot watch';
  expect(watch.view).toMatchObject({ state: 'stale', reason });
  expect(ids(watch)).toBe('p1.uid-of-p1');
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([0, 1]);
  expect(scope.seen('registry').slice(1)).toEqual([
    { registry: 'kubernetes:default', state: 'lost', reason, permanent: true },
  ]);
  server.sticky = false;
  server.refusals.length = 0;
  await moving(5_000, () => watch.view.state === 'current');
  expect([gauge('registry_connected'), gauge('registry_blocked')]).toEqual([1, 0]);
});

test('F13: a server that says when to come back is not asked before, and one that fails is asked less and less', async () => {
  const { server, clock, registry, moving } = await setup();
  server.refuse(429, { 'retry-after': '20' });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  await clock.advance(19_000);
  expect(server.asked.length).toBe(1);
  server.refuse(500);
  server.sticky = true;
  await moving(500, () => server.asked.length === 2);
  const started = clock.now();
  await moving(1_000, () => server.asked.length === 10);
  // 8 waits would take some 20 s without growing, and take a minute and a half on average.
  expect(clock.now() - started).toBeGreaterThan(40_000);
});

test('F15: a token that was replaced is read again when the old one is refused, and nothing is lost', async () => {
  const tls = selfSigned();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-account-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const write = (file: string, text: string) => writeFile(join(folder, file), text);
  await Promise.all([write('token', 'first\n'), write('ca.crt', tls.cert), write('namespace', 'prod\n')]);
  const server = new KubernetesServer(tls);
  server.token = 'first';
  server.put(sliceOf('a', [pod(1)], { namespace: 'prod' }));
  const { scope, moving, follow } = await setup(server, { namespace: undefined, serviceAccount: folder });
  const watch = await follow();
  server.token = 'second';
  server.breakWatches();
  server.put(sliceOf('a', [pod(1), pod(2)], { namespace: 'prod' }));
  await moving(10, () => server.asked.length === 3);
  await write('token', 'second\n');
  await moving(10, () => ids(watch) === 'p1.uid-of-p1 p2.uid-of-p2');
  expect(server.asked.map(({ authorization }) => authorization)).toEqual([
    'Bearer first',
    'Bearer first',
    'Bearer first',
    'Bearer second',
  ]);
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected']);
});

test('F13: a token that is refused again takes a person, and is not shown', async () => {
  const { server, scope, registry, gauge, moving } = await setup(undefined, { token: 'secret' });
  server.token = 'another';
  const watch = registry.watch('players', () => {});
  await moving(10, () => gauge('registry_blocked') === 1);
  expect(server.asked.length).toBe(2);
  expect(scope.seen('registry')).toEqual([
    { registry: 'kubernetes:default', state: 'lost', reason: 'it answered 401: Unauthorized', permanent: true },
  ]);
  expect(JSON.stringify([watch.view, scope.seen('registry'), registry.name])).not.toContain('secret');
});

test('F13: a server that cannot prove who it is gets no token, and takes a person', async () => {
  const server = new KubernetesServer(selfSigned());
  const { scope, registry, gauge } = await setup(server, { token: 'secret', ca: selfSigned().cert });
  registry.watch('players', () => {});
  await eventually(
    () => gauge('registry_blocked') === 1,
    () => scope.seen('registry'),
  );
  expect(server.asked).toEqual([]);
});

test('many services are followed, though no more than a few connect at a time; one that is given up meanwhile holds up nobody', async () => {
  const { server, registry } = await setup();
  const watches = Array.from({ length: 200 }, (_, n) => registry.watch(`s${n}`, () => {}));
  watches[7]?.close();
  await eventually(
    () => server.watching === 199,
    () => server.watching,
    15_000,
  );
  expect(watches.filter(({ view }) => view.state === 'current').length).toBe(199);
});

test('outside of a pod it says which file is missing, and takes a person', async () => {
  const { scope, registry } = await setup(undefined, { namespace: undefined, serviceAccount: '/nowhere' });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toContain("'/nowhere/namespace'");
  expect(scope.seen('registry').map(({ permanent }) => permanent)).toEqual([true]);
});

test('over HTTP the token of the pod is not sent', async () => {
  const { server, follow } = await setup(undefined, { serviceAccount: '/nowhere' });
  await follow();
  expect(server.asked.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
});

test('F7: whoever gives the token may take for ever: it is as if the server did not answer', async () => {
  const { registry, moving } = await setup(undefined, { token: () => new Promise<string>(() => {}) });
  const watch = registry.watch('players', () => {});
  await moving(500, () => watch.view.state === 'stale');
  expect(watch.view.reason).toBe('no answer within 10000 ms');
});

test('nothing is left when it is closed: no timer, no connection, no round', async () => {
  const { server, clock, registry, follow } = await setup();
  server.put(sliceOf('a', [pod(1)]));
  const watch = await follow();
  const other = registry.watch('teams', () => {});
  await eventually(() => server.watching === 2);
  other.close();
  await eventually(() => server.watching === 1);
  await registry.close();
  await eventually(() => server.watching === 0);
  expect(clock.pending).toBe(0);
  const { length } = server.asked;
  await clock.advance(600_000);
  expect([server.asked.length, clock.pending, ids(watch)]).toEqual([length, 0, 'p1.uid-of-p1']);
});

test.each([
  [{ namespace: 'Prod' }, "namespace must be the name of a namespace (1 to 63 of a-z, 0-9, '-'), not 'Prod'"],
  [{ port: 65_536 }, 'port must be an integer from 1 to 65535, not 65536'],
  [{ port: '' }, "port must be a string that is not empty, not ''"],
  [{ server: 'ftp://x' }, "server must be a URL such as 'https://kubernetes.default.svc', not 'ftp://x'"],
  [{ server: 'https://me:secret@x' }, "server must be a URL such as 'https://kubernetes.default.svc', not 'https://x'"],
  [{ token: 'two words' }, "token must be a token, or a function, not 'something else'"],
  [{ ca: '' }, "ca must be a string that is not empty, not ''"],
  [{ serviceAccount: '' }, "serviceAccount must be a string that is not empty, not ''"],
  [{ attributes: { zone: '' } }, "attributes.zone must be a string that is not empty, not ''"],
])('the option in %j is refused', (options, message) => {
  expect(() => createKubernetesRegistry('registry', options)).toThrow(`registry.${message}`);
});
