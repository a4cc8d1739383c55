import { expect, test } from 'vitest';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import { createKubernetesRegistry } from '../../src/discovery/kubernetes/kubernetes-registry.ts';
import { sliceOf } from '../support/kubernetes-server.ts';
import { afterwards, at, ids, pod, setup, shows } from './kubernetes-setup.ts';
import { createScope, eventually } from './setup.ts';

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

test('an instance is told by its pod, or by its address when there is none behind it; zone, node and the attributes of the options are there', async () => {
  const { server, follow } = await setup(undefined, { attributes: { environment: 'production' } });
  const target = { kind: 'Node', name: 'node-2', uid: 'uid-of-node-2' };
  server.put(sliceOf('a', [pod(1, { zone: 'eu-1a', node: 'node-1' }), { address: '10.0.0.2', target }]));
  const watch = await follow();
  const instances = watch.view.instances.map((one) => ({ ...one, attributes: { ...one.attributes } }));
  const same = { service: 'players', port: 8080, protocol: 'http', weight: 1, status: 'up', generation: 0 };
  expect(instances).toEqual([
    { ...same, id: '10.0.0.2:8080', host: '10.0.0.2', attributes: { environment: 'production' } },
    {
      ...same,
      id: 'p1.uid-of-p1',
      host: '10.0.0.1',
      attributes: { environment: 'production', zone: 'eu-1a', node: 'node-1' },
    },
  ]);
});

test('a pod whose name is too long for an id is told by its uid', async () => {
  const { server, follow } = await setup();
  const name = 'p'.repeat(253);
  server.put(sliceOf('a', [{ address: '10.0.0.1', target: { kind: 'Pod', name, uid: 'its-uid' } }]));
  expect(ids(await follow())).toBe('its-uid');
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
  // Without their endpoints, of which there may be many.
  expect(server.lists.at(-1)?.accept).toContain('as=PartialObjectMetadataList');
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
  afterwards(() => registry.close());
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
