import https from 'node:https';
import tls from 'node:tls';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { type CheckOptions, resolveChecks } from '../../src/balancer/check-options.ts';
import { EndpointChecks } from '../../src/client/checks/endpoint-checks.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { type AddressRule, defaultAddresses } from '../../src/discovery/address.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock } from '../../src/testing/entry.ts';
import { type SelfSigned, selfSigned } from '../support/certificates.ts';
import { misbehave, nobody, serve, start } from '../support/servers.ts';
import { closeAll, counted, meshOver } from './setup.ts';

let players: SelfSigned;
let teams: SelfSigned;
beforeAll(() => {
  players = selfSigned('players');
  teams = selfSigned('teams');
  tls.setDefaultCACertificates([...tls.getCACertificates(), players.cert, teams.cert]);
});

const opened = new Set<EndpointChecks>();
afterEach(async () => {
  for (const checks of opened) checks.close();
  opened.clear();
  await closeAll();
});

function setup({
  clock = systemClock,
  addresses = defaultAddresses,
}: {
  clock?: ManualClock | typeof systemClock;
  addresses?: AddressRule;
} = {}) {
  const metrics = new MemoryMetrics();
  const checks = new EndpointChecks({ clock, metrics, caller: 'teams', addresses });
  opened.add(checks);
  const of = (options: CheckOptions) => resolveChecks('checks', options);
  const counts = () =>
    ['well', 'failing', 'unreachable'].map((result) => metrics.value('checks', { service: 'players', result }));
  return { checks, counts, check: (at: Endpoint, options: CheckOptions = {}) => checks.check(at, of(options)) };
}

function endpointAt(url: string, more: Partial<Endpoint> = {}): Endpoint {
  const { hostname: host, port } = new URL(url);
  const known = { id: url, service: 'players', attributes: {}, weight: 1, generation: 1 } as const;
  return { ...known, host, port: Number(port), protocol: 'http', ...more };
}

test('a check asks for the path in the name of the service, and closes its connection', async () => {
  const server = await serve((_req, res) => res.end('fine'));
  const { check } = setup();
  expect(await check(endpointAt(server.url), { path: '/health?deep=1' })).toEqual({
    found: 'well',
    reason: 'answered 200',
  });
  const { method, url, headers, closed } = await server.request(1);
  expect([method, url, headers.host, headers['mesh-target'], headers['mesh-caller']]).toEqual([
    'GET',
    '/health?deep=1',
    'players',
    'players',
    'teams',
  ]);
  await closed;
});

test('another status than the one that is wanted is a failure', async () => {
  const server = await serve((req, res) => res.writeHead(req.method === 'HEAD' ? 404 : 204).end());
  const { check } = setup();
  const at = () => endpointAt(server.url);
  const found = async (options: CheckOptions) => (await check(at(), { path: '/', ...options }))?.reason;
  expect(await check(at(), { path: '/' })).toMatchObject({ found: 'well' });
  expect(await check(at(), { path: '/', status: 200 })).toEqual({ found: 'failing', reason: 'answered 204' });
  expect(await check(at(), { path: '/', method: 'HEAD', status: 404 })).toMatchObject({ found: 'well' });
  expect(await found({ method: 'HEAD' })).toBe('answered 404');
});

test('without a path, a connection is all that is asked for', async () => {
  const server = await misbehave(() => {});
  const { check } = setup();
  expect(await check(endpointAt(server.url))).toEqual({ found: 'well', reason: 'connected' });
});

test.each([undefined, '/'])('nobody there is unreachable (path %s)', async (path) => {
  const { url } = await nobody();
  const { check } = setup();
  expect(await check(endpointAt(url), { path })).toMatchObject({
    found: 'unreachable',
    reason: expect.stringContaining('ECONNREFUSED'),
  });
});

test('F38: a server that is somebody else is not the one that is checked', async () => {
  const server = await serve((_req, res) => res.writeHead(421, { 'mesh-nack': 'misdirected' }).end());
  const { check } = setup();
  expect(await check(endpointAt(server.url), { path: '/', status: 421 })).toEqual({
    found: 'unreachable',
    reason: 'somebody else is there',
  });
});

test.each([
  [503, 'overloaded'],
  [429, 'rate'],
])('F87: a check that is refused with %i %s for the load says nothing', async (status, nack) => {
  const server = await serve((_req, res) => res.writeHead(status, { 'mesh-nack': nack }).end());
  const { check } = setup();
  const refused = { found: 'refused', reason: `answered ${status}, ${nack}` };
  expect(await check(endpointAt(server.url), { path: '/' })).toEqual(refused);
  expect(await check(endpointAt(server.url), { path: '/', status })).toEqual(refused);
});

test('a refusal for any other reason is a failure', async () => {
  const server = await serve((_req, res) => res.writeHead(503, { 'mesh-nack': 'draining' }).end());
  const { check } = setup();
  expect(await check(endpointAt(server.url), { path: '/' })).toEqual({ found: 'failing', reason: 'answered 503' });
});

test('F40: a server that accepts and says nothing fails when its time is up, and one that breaks off fails at once', async () => {
  const clock = new ManualClock();
  const silent = await misbehave(() => {});
  const { check } = setup({ clock });
  const finding = check(endpointAt(silent.url), { path: '/', timeoutMs: 500 });
  await silent.connected(1);
  // Its being connected is news that takes a turn to arrive here.
  while (silent.open() === 0) await clock.advance(0);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(500);
  expect(await finding).toEqual({ found: 'failing', reason: 'no answer within 500 ms' });
  expect(clock.pending).toBe(0);
  const rude = await misbehave((socket) => socket.destroy());
  expect(await check(endpointAt(rude.url), { path: '/' })).toMatchObject({ found: 'failing' });
});

test('over TLS the endpoint has to prove that it is the service, and is unreachable if it cannot', async () => {
  const { check } = setup();
  for (const [signed, expected] of [
    [players, { found: 'well', reason: 'answered 200' }],
    [teams, { found: 'unreachable', reason: expect.stringContaining('DNS:teams') }],
    [selfSigned('players'), { found: 'unreachable', reason: expect.stringContaining('self-signed certificate') }],
  ] as const) {
    const names: unknown[] = [];
    const server = https.createServer({ ...signed }, (_req, res) => res.end());
    server.on('secureConnection', (socket: tls.TLSSocket) => names.push(Reflect.get(socket, 'servername')));
    const { url } = await start(server);
    expect(await check(endpointAt(url, { protocol: 'https' }), { path: '/' })).toEqual(expected);
    if (signed === players) expect(names).toEqual(['players']);
  }
});

test('F40: a server that never finishes the handshake of TLS is not reached, and one that then says nothing fails', async () => {
  const clock = new ManualClock();
  const { check } = setup({ clock });
  const dumb = await misbehave(() => {});
  const finding = check(endpointAt(dumb.url, { protocol: 'https' }), { path: '/', timeoutMs: 500 });
  await dumb.connected(1);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(500);
  expect(await finding).toEqual({ found: 'unreachable', reason: 'no answer within 500 ms' });
  const asked = Promise.withResolvers<void>();
  const { url } = await start(https.createServer({ ...players }, () => asked.resolve()));
  const other = check(endpointAt(url, { protocol: 'https' }), { path: '/', timeoutMs: 500 });
  await asked.promise;
  await clock.advance(500);
  expect(await other).toEqual({ found: 'failing', reason: 'no answer within 500 ms' });
  expect(clock.pending).toBe(0);
});

test.each([undefined, '/'])(
  'what cannot even be tried is a finding too, and not a rejection (path %s)',
  async (path) => {
    const { check } = setup();
    const at = { ...endpointAt('http://127.0.0.1:1'), port: 70_000 };
    expect(await check(at, { path })).toMatchObject({
      found: 'failing',
      reason: expect.stringContaining('70000'),
    });
  },
);

test('checks are counted by service and result, each once, whoever hears of it', async () => {
  const clock = new ManualClock();
  const { check, checks, counts } = setup({ clock });
  const [well, unwell] = [await serve((_req, res) => res.end()), await serve((_req, res) => res.writeHead(503).end())];
  const at = endpointAt(well.url);
  await Promise.all([check(at, { path: '/' }), check(at, { path: '/' })]);
  await check(at, { path: '/' });
  await check(endpointAt(unwell.url), { path: '/' });
  await check(endpointAt((await nobody()).url));
  expect(counts()).toEqual([1, 1, 1]);
  const silent = await misbehave(() => {});
  const finding = check(endpointAt(silent.url), { path: '/' });
  await silent.connected(1);
  checks.close();
  await finding;
  expect(counts()).toEqual([1, 1, 1]);
});

test('F101: a name that leads where nobody may be called is not connected to', async () => {
  const server = await serve((_req, res) => res.end());
  const { check } = setup({ addresses: { ...defaultAddresses, leadsTo: () => false } });
  for (const path of [undefined, '/']) {
    const at = endpointAt(server.url, { host: 'localhost' });
    expect(await check(at, { path })).toMatchObject({
      found: 'unreachable',
      reason: expect.stringContaining('nobody may'),
    });
  }
  expect(server.connections()).toBe(0);
});

test('what one client asks while another is waiting, or has just heard, is asked once', async () => {
  const clock = new ManualClock();
  const server = await serve((req, res) => void (req.url === '/slow' || res.end()));
  const { check } = setup({ clock });
  const at = endpointAt(server.url);
  const first = check(at, { path: '/', intervalMs: 1_000 });
  expect(check(at, { path: '/', intervalMs: 1_000 })).toBe(first);
  // Something else cannot be asked meanwhile: never two at once.
  expect(check({ ...at }, { path: '/other', intervalMs: 1_000 })).toBe(undefined);
  await first;
  await clock.advance(499);
  expect(check(at, { path: '/', intervalMs: 1_000 })).toBe(first);
  await clock.advance(1);
  await check(at, { path: '/', intervalMs: 1_000 });
  expect(server.requests.length).toBe(2);
});

test('closed, it breaks off what is under way and asks nothing more', async () => {
  const server = await misbehave(() => {});
  const { check, checks } = setup();
  const finding = check(endpointAt(server.url), { path: '/', intervalMs: 60_000, timeoutMs: 60_000 });
  await server.connected(1);
  checks.close();
  expect(await finding).not.toMatchObject({ found: 'well' });
  expect(check(endpointAt(server.url))).toBe(undefined);
});

test('a mesh with checks takes an instance out that says that it is unwell, and explains it', async () => {
  const [unwell, well] = [
    await serve((req, res) => res.writeHead(req.url === '/health' ? 503 : 200).end()),
    await serve((_req, res) => res.end()),
  ];
  const mesh = meshOver([unwell, well], { checks: { path: '/health', intervalMs: 100, fall: 2 } });
  const down = new Promise((resolve) => mesh.on('endpoint', resolve));
  const players = mesh.client('players');
  await players.get('/');
  expect(await down).toMatchObject({
    endpoint: unwell.id,
    health: 'down',
    reason: '2 checks in a row failed: answered 503',
  });
  const { endpoints, settings } = mesh.explain('players');
  const { health, reason } = endpoints.find(({ id }) => id === unwell.id) ?? {};
  expect([health, reason]).toEqual(['down', expect.stringMatching(/^\d+ checks in a row failed: answered 503$/)]);
  expect(String(mesh.explain('players'))).toContain(`down (${reason})`);
  expect(settings.find(({ name }) => name === 'checks.path')?.value).toBe('/health');
  expect(counted(mesh, 'checks', { service: 'players', result: 'failing' })).toBeGreaterThan(1);
  const before = well.requests.filter(({ url }) => url === '/called').length;
  for (let i = 0; i < 5; i++) await players.get('/called');
  expect(well.requests.filter(({ url }) => url === '/called').length - before).toBe(5);
});

test('without the option nothing is asked', async () => {
  const clock = new ManualClock();
  const server = await serve((_req, res) => res.end());
  const mesh = meshOver([server], { clock });
  await mesh.client('players').get('/');
  await clock.advance(60_000);
  expect(server.requests.length).toBe(1);
});
