import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { type DnsRegistryOptions, dnsRegistry } from '../../src/discovery/dns/entry.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { createMesh } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { addressRecords, type DnsServer, srvRecord, startDns, type Treatment } from '../support/dns-server.ts';
import { closeServers, serve } from '../support/servers.ts';
import { createScope, eventually, looked } from './setup.ts';

const NAME = 'players.example';
const SRV = '_http._tcp.players.example';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await closeServers();
});

async function server(): Promise<DnsServer> {
  const started = await startDns();
  cleanups.push(() => started.close());
  return started;
}

const quick = ({ address }: DnsServer) => ({
  domain: 'example',
  servers: [address],
  minTtlMs: 20,
  maxTtlMs: 100,
  timeoutMs: 50,
});

function follow(dns: DnsServer, options: Partial<DnsRegistryOptions> = {}, clock?: Clock) {
  const scope = createScope(clock);
  const registry = dnsRegistry({ ...quick(dns), port: 80, ...options })(scope);
  cleanups.push(() => registry.close());
  return { watch: registry.watch('players', () => {}), scope, registry };
}

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');

const failures: readonly [name: string, treatment: Treatment | 'stopped', reason: string][] = [
  ['fails', 'SERVFAIL', 'queryA ESERVFAIL players.example'],
  ['refuses', 'REFUSED', 'queryA EREFUSED players.example'],
  ['is silent', 'silence', 'queryA ETIMEOUT players.example'],
  ['is not there', 'stopped', 'queryA ECONNREFUSED players.example'],
];
test.each(failures)('F3: the last answer is kept while the server %s', async (_, treatment, reason) => {
  const dns = await server();
  dns.set(NAME, addressRecords(NAME, ['10.0.0.1', '10.0.0.2'], 0));
  const { watch, scope } = follow(dns);
  await eventually(() => ids(watch) !== '');
  if (treatment === 'stopped') await dns.stop();
  else dns.treatment = treatment;
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
  );
  expect(watch.view.reason).toBe(reason);
  expect(ids(watch)).toBe('10.0.0.1:80 10.0.0.2:80');
  expect(watch.view.suspects.size).toBe(0);
  dns.set(NAME, addressRecords(NAME, ['10.0.0.1', '10.0.0.2', '10.0.0.3'], 0));
  if (treatment === 'stopped') await dns.start();
  else dns.treatment = 'answer';
  await eventually(
    () => watch.view.state === 'current' && ids(watch).endsWith('10.0.0.3:80'),
    () => watch.view,
  );
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
});

test('F5: a name that is unmade, or has no records any more, empties no set', async () => {
  const dns = await server();
  dns.set(NAME, addressRecords(NAME, ['10.0.0.1'], 0));
  const { watch } = follow(dns);
  await eventually(() => ids(watch) !== '');
  for (const records of [undefined, []]) {
    dns.set(NAME, records);
    await eventually(
      () => watch.view.suspects.has('10.0.0.1:80'),
      () => watch.view,
    );
    expect(watch.view).toMatchObject({ state: 'current', reason: '' });
    expect(ids(watch)).toBe('10.0.0.1:80');
    dns.set(NAME, addressRecords(NAME, ['10.0.0.1'], 0));
    await eventually(() => watch.view.suspects.size === 0);
  }
});

test('an answer that is cut off is fetched whole over TCP', async () => {
  const dns = await server();
  dns.maxUdpBytes = 200;
  const addresses = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  dns.set(NAME, addressRecords(NAME, addresses, 0));
  const { watch } = follow(dns);
  await eventually(
    () => watch.view.instances.length === 300,
    () => watch.view,
  );
  expect(dns.asked.map(({ over }) => over).slice(0, 2)).toEqual(['udp', 'tcp']);
});

test('50 addresses, too many for a datagram of Node, come at once', async () => {
  const dns = await server();
  const addresses = Array.from({ length: 50 }, (_, i) => `10.0.0.${i}`);
  dns.set(NAME, addressRecords(NAME, addresses, 3_600));
  const { watch } = follow(dns, { maxTtlMs: 60_000 });
  await eventually(() => watch.view.instances.length === 50);
  expect(dns.asked.map(({ type, over }) => `${type} ${over}`)).toEqual(['A udp', 'A tcp']);
});

test('F56: a TTL is in seconds', async () => {
  const dns = await server();
  dns.set(NAME, addressRecords(NAME, ['10.0.0.1'], 30));
  const clock = new ManualClock();
  const { watch } = follow(dns, { maxTtlMs: 600_000 }, clock);
  await eventually(() => ids(watch) === '10.0.0.1:80');
  await clock.advance(29_000);
  await looked();
  expect(dns.asked.length).toBe(1);
  await clock.advance(5_000);
  await eventually(() => dns.asked.length === 2);
});

test('addresses by IPv6, and by a name in the place of another, are found; names that name each other are an empty answer', async () => {
  const dns = await server();
  const alias = 'real.example';
  dns.set(NAME, [{ type: 'CNAME', name: NAME, ttl: 0, data: alias }, ...addressRecords(alias, ['fd00::1'], 0)]);
  const { watch } = follow(dns, { family: 6 });
  await eventually(() => ids(watch) === 'fd00::1:80');
  dns.set(NAME, [
    { type: 'CNAME', name: NAME, ttl: 0, data: alias },
    { type: 'CNAME', name: alias, ttl: 0, data: NAME },
  ]);
  await eventually(
    () => watch.view.suspects.size === 1,
    () => watch.view,
  );
  expect(watch.view.state).toBe('current');
});

test('SRV records whose target is silent are found once it answers; the other targets do not wait for ever', async () => {
  const dns = await server();
  dns.set(SRV, [srvRecord(SRV, 'a.example', 1), srvRecord(SRV, 'b.example', 2), srvRecord(SRV, '.', 0)]);
  dns.set('a.example', addressRecords('a.example', ['10.0.0.1'], 0));
  dns.set('b.example', addressRecords('b.example', ['10.0.0.2'], 0));
  dns.treatments.set('a.example', 'silence');
  const { watch } = follow(dns, { port: undefined });
  await eventually(
    () => ids(watch) === '10.0.0.2:2',
    () => watch.view,
  );
  dns.treatments.clear();
  await eventually(
    () => ids(watch) === '10.0.0.1:1 10.0.0.2:2',
    () => watch.view,
  );
});

test('of two servers the one that answers is enough', async () => {
  const dead = await server();
  const dns = await server();
  await dead.stop();
  dns.set(NAME, addressRecords(NAME, ['10.0.0.1'], 0));
  const { watch } = follow(dns, { servers: [dead.address, dns.address] });
  await eventually(
    () => ids(watch) === '10.0.0.1:80',
    () => watch.view,
  );
});

test('F56: calls go on while the address of a service changes, the one on its way too, and the old address goes', async () => {
  const dns = await server();
  const held = Promise.withResolvers<void>();
  const old = await serve(
    (_req, res) => void held.promise.then(() => res.end('old')),
    (_req, res) => res.end('old'),
  );
  const young = await serve((_req, res) => res.end('young'));
  const at = ({ url }: { url: string }) => [srvRecord(SRV, 'a.example', Number(new URL(url).port))];
  dns.set(SRV, at(old));
  dns.set('a.example', addressRecords('a.example', ['127.0.0.1'], 0));
  const mesh = createMesh({ self: { service: 'teams' }, registry: dnsRegistry(quick(dns)), logger: false });
  cleanups.push(() => mesh.close());
  const joined: string[] = [];
  const left: string[] = [];
  mesh.on('view', (event) => {
    joined.push(...event.joined);
    left.push(...event.left);
  });
  const players = mesh.client('players');
  const call = () => players.get('/').text();
  const first = call();
  await old.request(1);
  dns.set(SRV, at(young));
  await eventually(
    () => joined.includes(young.id),
    () => joined,
  );
  const answers = await Promise.all(Array.from({ length: 50 }, call));
  expect(answers).toContain('young');
  held.resolve();
  expect(await first).toBe('old');
  await old.close();
  const later: string[] = [];
  while (!left.includes(old.id)) {
    later.push(await call());
    expect(later.length).toBeLessThan(1_000);
  }
  expect(new Set(later)).toEqual(new Set(['young']));
  expect(left).toEqual([old.id]);
});

/** Runs a process that follows a service in DNS; gives its lines, and how long it took to end after its last. */
async function run(dns: DnsServer, then: string) {
  const script = fileURLToPath(new URL('fixtures/asking.ts', import.meta.url));
  const flags = ['--no-warnings', script, dns.address, 'example', then];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  let lastAt = Number.NaN;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    lastAt = performance.now();
  });
  const [exitCode] = await once(child, 'close');
  return { lines: text.trim().split('\n'), exitCode, tookMs: performance.now() - lastAt };
}

test.each<[then: string, treatment: Treatment, lines: readonly string[]]>([
  ['close while asking', 'silence', ['pending']],
  ['close when seen', 'answer', ['pending', 'seen: 10.0.0.1:80']],
  ['leave it open', 'answer', ['pending', 'seen: 10.0.0.1:80']],
])(
  'F91: a process that asks DNS, and then does nothing else (%s), ends within a second',
  async (then, treatment, lines) => {
    const dns = await server();
    dns.set(NAME, addressRecords(NAME, ['10.0.0.1'], 60));
    dns.treatment = treatment;
    const result = await run(dns, then);
    expect(result.lines).toEqual(lines);
    expect(result.exitCode).toBe(0);
    expect(result.tookMs < 1_000).toBe(true);
  },
);
