import { afterEach, describe, expect, test } from 'vitest';
import { resolveAddresses } from '../../src/discovery/address-options.ts';
import { createDnsRegistry } from '../../src/discovery/dns/dns-registry.ts';
import type { DnsRegistryOptions } from '../../src/discovery/dns/options.ts';
import type { Target } from '../../src/discovery/dns/resolver.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { FakeDns } from '../support/fake-dns.ts';
import { createScope } from './setup.ts';

const NAME = 'players.example';
const SRV = '_http._tcp.players.example';

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

function setup(options: Partial<DnsRegistryOptions> = {}) {
  const dns = new FakeDns();
  const clock = new ManualClock();
  const scope = createScope(clock);
  const registry = createDnsRegistry('registry', { domain: 'example', ...options }, dns.openResolver)(scope);
  closings.push(async () => {
    await registry.close();
    await clock.advance(0);
    expect([clock.pending, dns.open]).toEqual([0, 0]);
  });
  /** The moments, in milliseconds from now, at which a question is asked. */
  const momentsOf = async (question: string, ms: number, stepMs = 50): Promise<number[]> => {
    const moments: number[] = [];
    for (let at = 0; at < ms; at += stepMs) {
      const before = dns.asked.length;
      await clock.advance(stepMs);
      if (dns.asked.slice(before).includes(question)) moments.push(at + stepMs);
    }
    return moments;
  };
  const watch = (service = 'players') => registry.watch(service, () => {});
  return { dns, clock, scope, registry, watch, momentsOf };
}

const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
const weights = (watch: Watch) => watch.view.instances.map(({ host, weight }) => `${host}=${weight}`).join(' ');
const target = (name: string, fields: Partial<Target> = {}): Target => ({
  name,
  port: 80,
  priority: 0,
  weight: 0,
  ...fields,
});

describe('an answer of DNS', () => {
  test('F56: that names another address is seen when the TTL of the one before is over; the old address is in doubt', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1'], 5_000);
    const players = watch();
    await clock.advance(0);
    expect(ids(players)).toBe('10.0.0.1:80');
    const [first] = players.view.instances;
    dns.put(NAME, ['10.0.0.2'], 5_000);
    await clock.advance(4_900);
    expect(ids(players)).toBe('10.0.0.1:80');
    await clock.advance(600);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80');
    expect([...players.view.suspects]).toEqual(['10.0.0.1:80']);
    expect(players.view.instances[0]).toBe(first);
    players.failed('10.0.0.2:80');
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80');
    players.failed('10.0.0.1:80');
    expect(ids(players)).toBe('10.0.0.2:80');
  });

  test('F56: an address that is named no more and fails nobody goes after a grace', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1'], 5_000);
    const players = watch();
    await clock.advance(0);
    dns.put(NAME, ['10.0.0.2'], 5_000);
    await clock.advance(30_000);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80');
    await clock.advance(6_000);
    expect(ids(players)).toBe('10.0.0.2:80');
    expect(players.view.state).toBe('current');
  });

  test('is asked for anew when its TTL is over and at most a tenth later, and not before', async () => {
    const { dns, clock, watch, momentsOf } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1'], 7_000);
    watch();
    await clock.advance(0);
    const moments = [0, ...(await momentsOf(`A ${NAME}`, 80_000))];
    const waits = moments.slice(1).map((at, i) => at - (moments[i] ?? 0));
    expect(waits.length).toBeGreaterThanOrEqual(10);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(6_950);
    expect(Math.max(...waits)).toBeLessThanOrEqual(7_750);
    expect(new Set(waits).size).toBeGreaterThan(1);
  });

  test.each([
    ['1 s when its TTL is 0', {}, 0, 1_000],
    ['a minute when its TTL is a day', {}, 86_400_000, 60_000],
    ['minTtlMs', { minTtlMs: 20_000 }, 10_000, 20_000],
    ['maxTtlMs', { maxTtlMs: 3_000 }, 10_000, 3_000],
  ])('is asked for anew after %s', async (_, options, ttlMs, expectedMs) => {
    const { dns, clock, watch, momentsOf } = setup({ port: 80, ...options });
    dns.put(NAME, ['10.0.0.1'], ttlMs);
    watch();
    await clock.advance(0);
    const [first = 0] = await momentsOf(`A ${NAME}`, 70_000);
    expect(first).toBeGreaterThanOrEqual(expectedMs);
    expect(first).toBeLessThanOrEqual(expectedMs * 1.1 + 50);
  });

  test('that says how long it is good for in none of its parts is asked for anew after 5 s', async () => {
    const { clock, watch, momentsOf } = setup();
    watch();
    await clock.advance(0);
    const [first = 0] = await momentsOf(`SRV ${SRV}`, 10_000);
    expect(first).toBeGreaterThanOrEqual(5_000);
    expect(first).toBeLessThanOrEqual(5_550);
  });

  test('with SRV records is good for as long as the least of the addresses of their targets', async () => {
    const { dns, clock, watch, momentsOf } = setup();
    dns.srv.set(SRV, [target('a.example'), target('b.example')]);
    dns.put('a.example', ['10.0.0.1'], 30_000);
    dns.put('b.example', ['10.0.0.2'], 8_000);
    watch();
    await clock.advance(0);
    const [first = 0] = await momentsOf(`SRV ${SRV}`, 20_000);
    expect(first).toBeGreaterThanOrEqual(8_000);
    expect(first).toBeLessThanOrEqual(8_850);
  });

  test('is the same for all who watch one service, and is asked for while somebody does', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    const watches = [watch(), watch(), watch()];
    await clock.advance(0);
    expect(dns.asked).toEqual([`A ${NAME}`, `AAAA ${NAME}`]);
    for (const one of watches) one.close();
    expect(clock.pending).toBe(0);
    await clock.advance(100_000);
    expect(dns.asked.length).toBe(2);
  });
});

describe('DNS that does not answer', () => {
  test('F3: takes nobody away however long it lasts, is said once, asked less and less, and heard when it is back', async () => {
    const { dns, clock, scope, watch, momentsOf } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1', '10.0.0.2']);
    const players = watch();
    await clock.advance(0);
    dns.ipv4.set(NAME, new Error('queryA ESERVFAIL players.example'));
    await clock.advance(11_000);
    expect(players.view).toMatchObject({ state: 'stale', reason: 'queryA ESERVFAIL players.example' });
    players.failed('10.0.0.1:80');
    const moments = await momentsOf(`A ${NAME}`, 600_000, 500);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80');
    expect(moments.length).toBeGreaterThan(15);
    expect(moments.length).toBeLessThan(100);
    expect(scope.seen('registry').map(({ state, permanent }) => `${state} ${permanent}`)).toEqual([
      'connected false',
      'lost false',
    ]);
    expect(scope.metrics.value('registry_connected', { registry: 'dns:example' })).toBe(0);
    dns.put(NAME, ['10.0.0.1']);
    await clock.advance(30_000);
    expect(players.view.state).toBe('current');
    expect([...players.view.suspects]).toEqual(['10.0.0.2:80']);
    expect(scope.seen('registry').length).toBe(3);
  });

  test('and then did is asked again within a second when it fails the next time', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1'], 5_000);
    const players = watch();
    await clock.advance(0);
    let lostMs = 0;
    for (let n = 0; n < 12; n++) {
      dns.ipv4.set(NAME, new Error('queryA ESERVFAIL players.example'));
      while (players.view.state === 'current') await clock.advance(100);
      dns.put(NAME, ['10.0.0.1'], 5_000);
      const started = clock.now();
      while (players.view.state === 'stale') await clock.advance(100);
      lostMs += clock.now() - started;
    }
    expect(lostMs).toBeLessThanOrEqual(12 * 1_100);
  });

  test('is said with its reason when nothing was ever known', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.ipv4.set(NAME, new Error('queryA ETIMEOUT players.example'));
    const players = watch();
    expect(players.view.state).toBe('pending');
    await clock.advance(0);
    expect(players.view).toMatchObject({ state: 'stale', instances: [], reason: 'queryA ETIMEOUT players.example' });
    dns.put(NAME, ['10.0.0.1']);
    await clock.advance(1_000);
    expect(ids(players)).toBe('10.0.0.1:80');
  });

  test('F5: an empty answer empties no set: its instances are in doubt, and go when they fail', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    const players = watch();
    await clock.advance(0);
    dns.ipv4.delete(NAME);
    await clock.advance(600_000);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80 10.0.0.3:80');
    expect(players.view.state).toBe('current');
    expect(players.view.suspects.size).toBe(3);
    for (const id of players.view.suspects) players.failed(id);
    expect(ids(players)).toBe('');
    dns.put(NAME, ['10.0.0.1']);
    await clock.advance(6_000);
    expect(ids(players)).toBe('10.0.0.1:80');
  });

  test('F3: of one target keeps the addresses that this target had, and is said once; the others change', async () => {
    const { dns, clock, scope, watch } = setup();
    dns.srv.set(SRV, [target('a.example'), target('b.example')]);
    dns.put('a.example', ['10.0.0.1']);
    dns.put('b.example', ['10.0.0.2']);
    const players = watch();
    await clock.advance(0);
    dns.ipv4.set('a.example', new Error('queryA ETIMEOUT a.example'));
    dns.srv.set(SRV, [target('a.example'), target('b.example'), target('c.example'), target('d.example')]);
    dns.put('c.example', ['10.0.0.3']);
    dns.ipv4.set('d.example', new Error('queryA ETIMEOUT d.example'));
    await clock.advance(60_000);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.2:80 10.0.0.3:80');
    expect(players.view.suspects.size).toBe(0);
    expect(players.view.state).toBe('current');
    expect(scope.seen('registry').map(({ reason }) => reason)).toEqual(['', 'queryA ETIMEOUT a.example']);
    dns.put('a.example', ['10.0.0.1']);
    dns.srv.set(SRV, [target('a.example'), target('b.example'), target('c.example')]);
    await clock.advance(11_000);
    expect(scope.seen('registry').at(-1)?.state).toBe('connected');
  });

  test('F5: of any target is no answer at all when nothing is known of them', async () => {
    const { dns, clock, watch } = setup();
    dns.srv.set(SRV, [target('a.example')]);
    dns.ipv4.set('a.example', new Error('queryA ETIMEOUT a.example'));
    const players = watch();
    await clock.advance(0);
    expect(players.view).toMatchObject({ state: 'stale', reason: 'queryA ETIMEOUT a.example' });
  });

  test('because no resolver can be made hurts nobody', async () => {
    const clock = new ManualClock();
    const registry = createDnsRegistry('registry', { domain: 'example' }, () => {
      throw new Error('no file descriptors');
    })(createScope(clock));
    const players = registry.watch('players', () => {});
    await clock.advance(100);
    expect(players.view).toMatchObject({ state: 'stale', reason: 'no file descriptors' });
    await registry.close();
    expect(clock.pending).toBe(0);
  });
});

describe('names', () => {
  const asked: readonly [options: DnsRegistryOptions, service: string, questions: readonly string[]][] = [
    [{ domain: 'prod.svc.cluster.local' }, 'players', ['SRV _http._tcp.players.prod.svc.cluster.local']],
    [{ domain: 'prod.svc.cluster.local', port: 8080, family: 4 }, 'players', ['A players.prod.svc.cluster.local']],
    [{ domain: 'svc.cluster.local.' }, 'players.prod', ['SRV _http._tcp.players.prod.svc.cluster.local']],
    [{ domain: 'a', protocol: 'https' }, 'players', ['SRV _https._tcp.players.a']],
    [{ domain: 'a', srv: '_grpc._tcp' }, 'players', ['SRV _grpc._tcp.players.a']],
    [{ domain: 'Service.Consul', srv: '' }, 'players', ['SRV players.service.consul']],
    [{ domain: 'a', port: 1, family: 6 }, 'players', ['AAAA players.a']],
    [{ domain: 'a', port: 1 }, 'players', ['A players.a', 'AAAA players.a']],
  ];
  test.each(asked)('with %j, %s is %j', async (options, service, questions) => {
    const { dns, clock, watch } = setup(options);
    watch(service);
    await clock.advance(0);
    expect(dns.asked).toEqual(questions);
  });

  test('with addresses of both kinds are used by IPv4, and by IPv6 when there is no other', async () => {
    const { dns, clock, watch } = setup({ port: 80 });
    dns.put(NAME, ['10.0.0.1']);
    dns.ipv6.set(NAME, [{ address: 'fd00::1', ttlMs: 1_000 }]);
    dns.ipv6.set('teams.example', [{ address: 'fd00::2', ttlMs: 1_000 }]);
    const players = watch();
    const teams = watch('teams');
    await clock.advance(0);
    expect([ids(players), ids(teams)]).toEqual(['10.0.0.1:80', 'fd00::2:80']);
  });
});

describe('SRV records', () => {
  test('give an instance for each address of each target, by the protocol that was asked for', async () => {
    const { dns, clock, watch } = setup({ protocol: 'https', srv: '_web._tcp' });
    dns.srv.set('_web._tcp.players.example', [target('a.example', { port: 1 }), target('b.example', { port: 2 })]);
    dns.put('a.example', ['10.0.0.1', '10.0.0.2']);
    dns.put('b.example', ['10.0.0.2']);
    const players = watch();
    await clock.advance(0);
    expect(ids(players)).toBe('10.0.0.1:1 10.0.0.2:1 10.0.0.2:2');
    expect(players.view.instances.every(({ protocol, generation }) => protocol === 'https' && generation === 0)).toBe(
      true,
    );
  });

  test('of a less urgent priority are used only while the more urgent have no address', async () => {
    const { dns, clock, watch } = setup();
    dns.srv.set(SRV, [
      target('c.example', { priority: 20 }),
      target('b.example', { priority: 10 }),
      target('a.example', { priority: 10 }),
    ]);
    dns.put('a.example', ['10.0.0.1']);
    dns.put('c.example', ['10.0.0.3']);
    const players = watch();
    await clock.advance(0);
    expect(ids(players)).toBe('10.0.0.1:80');
    expect(dns.asked).not.toContain('A c.example');
    dns.put('a.example', []);
    await clock.advance(11_000);
    expect(ids(players)).toBe('10.0.0.1:80 10.0.0.3:80');
    expect([...players.view.suspects]).toEqual(['10.0.0.1:80']);
  });

  test('of an urgent priority that nobody may call do not keep the less urgent from use', async () => {
    const { dns, clock, watch } = setup();
    dns.srv.set(SRV, [target('a.example', { priority: 1 }), target('b.example', { priority: 2 })]);
    dns.put('a.example', ['169.254.169.254']);
    dns.put('b.example', ['10.0.0.2']);
    const players = watch();
    await clock.advance(0);
    expect(ids(players)).toBe('10.0.0.2:80');
  });

  test.each<[name: string, given: readonly number[], expected: string]>([
    ['stand as they are', [10, 30], '10.0.0.1=10 10.0.0.2=30'],
    ['are brought down together when one is above 1,000', [65_535, 6_553.5], '10.0.0.1=1000 10.0.0.2=100'],
    ['are 0 get a very small share', [0, 5], '10.0.0.1=0.01 10.0.0.2=5'],
    ['are all 0 are peers', [0, 0], '10.0.0.1=1 10.0.0.2=1'],
    ['are all the same are peers', [33, 33, 33], '10.0.0.1=1 10.0.0.2=1 10.0.0.3=1'],
  ])('whose weights %s', async (_, given, expected) => {
    const { dns, clock, watch } = setup();
    dns.srv.set(
      SRV,
      given.map((weight, i) => target(`t${i}.example`, { weight })),
    );
    for (let i = 0; i < given.length; i++) dns.put(`t${i}.example`, [`10.0.0.${i + 1}`]);
    const players = watch();
    await clock.advance(0);
    expect(weights(players)).toBe(expected);
  });

  test('whose weights only follow their number change nobody when one comes', async () => {
    const { dns, clock, watch } = setup();
    for (let i = 0; i < 3; i++) dns.put(`t${i}.example`, [`10.0.0.${i}`]);
    dns.srv.set(SRV, [target('t0.example', { weight: 50 }), target('t1.example', { weight: 50 })]);
    const players = watch();
    await clock.advance(0);
    const [first, second] = players.view.instances;
    dns.srv.set(
      SRV,
      [0, 1, 2].map((i) => target(`t${i}.example`, { weight: 33 })),
    );
    await clock.advance(11_000);
    expect(players.view.instances.length).toBe(3);
    expect(players.view.instances[0]).toBe(first);
    expect(players.view.instances[1]).toBe(second);
  });

  test('that are many are asked for a few at a time, each target once', async () => {
    const { dns, clock, watch } = setup();
    const targets = Array.from({ length: 200 }, (_, i) => target(`t${i >> 1}.example`, { port: i + 1 }));
    dns.srv.set(SRV, targets);
    for (let i = 0; i < 100; i++) dns.put(`t${i}.example`, [`10.0.1.${i}`]);
    const players = watch();
    await clock.advance(0);
    expect(players.view.instances.length).toBe(200);
    expect(dns.asked.length).toBe(101);
    expect(dns.mostPending).toBe(32);
  });

  test('that name the root say that there is nobody', async () => {
    const { dns, clock, watch } = setup();
    dns.srv.set(SRV, [target('', { port: 0 }), target('.', { port: 0 })]);
    const players = watch();
    await clock.advance(0);
    expect(players.view).toMatchObject({ state: 'current', instances: [] });
    expect(dns.asked).toEqual([`SRV ${SRV}`]);
  });
});

test('F101: hostile answers are skipped, counted and said once; the others live', async () => {
  const { dns, clock, scope, watch } = setup();
  const hostile = ['169.254.169.254', '0.0.0.0', '224.0.0.1', '::ffff:169.254.169.254', 'fe80::1', '127.1', ''];
  dns.srv.set(SRV, [
    target('a.example'),
    target('b.example', { port: 0 }),
    target('b.example', { port: 65_536 }),
    target(SRV, { port: 7 }),
    target('__proto__', { port: 7 }),
    target('x'.repeat(1_000), { port: 7 }),
  ]);
  dns.put('a.example', [...hostile, '10.0.0.1']);
  dns.put('b.example', ['10.0.0.2']);
  const players = watch();
  await clock.advance(0);
  await clock.advance(60_000);
  expect(ids(players)).toBe('10.0.0.1:80');
  const said = scope.seen('rejected').map(({ source, id }) => `${source} ${id}`);
  expect(said.toSorted()).toEqual(
    [...hostile.map((host) => `${host}:80`), '10.0.0.2:0', '10.0.0.2:65536'].map((id) => `players ${id}`).toSorted(),
  );
  const registry = 'dns:example';
  expect(scope.metrics.value('registry_rejected', { registry, reason: 'host' })).toBeGreaterThan(hostile.length);
  expect(scope.metrics.value('registry_rejected', { registry, reason: 'port' })).toBeGreaterThan(2);
});

test('F101: where an answer may lead is up to the rule that the registry is given', async () => {
  const dns = new FakeDns();
  const clock = new ManualClock();
  const addresses = resolveAddresses('addresses', { networks: ['10.1.0.0/16'] });
  const scope = { ...createScope(clock), addresses };
  const registry = createDnsRegistry('registry', { domain: 'example', port: 80 }, dns.openResolver)(scope);
  closings.push(() => registry.close());
  dns.put(NAME, ['10.1.0.1', '10.2.0.1']);
  const players = registry.watch('players', () => {});
  await clock.advance(0);
  expect(ids(players)).toBe('10.1.0.1:80');
  expect(scope.seen('rejected').map(({ id }) => id)).toEqual(['10.2.0.1:80']);
});

test('close while questions are on their way ends them, and what still comes of them changes nothing', async () => {
  const { dns, clock, scope, registry, watch } = setup({ port: 80 });
  const late = Promise.withResolvers<readonly { address: string; ttlMs: number }[]>();
  const never = Promise.withResolvers<readonly { address: string; ttlMs: number }[]>();
  dns.ipv4.set(NAME, late.promise);
  dns.ipv4.set('teams.example', never.promise);
  const players = watch();
  const teams = watch('teams');
  await clock.advance(0);
  expect(dns.open).toBe(2);
  await registry.close();
  expect(dns.open).toBe(0);
  late.resolve([{ address: '10.0.0.1', ttlMs: 1_000 }]);
  never.reject(new Error('queryA ECANCELLED teams.example'));
  await clock.advance(0);
  expect([players.view.state, teams.view.state]).toEqual(['pending', 'pending']);
  expect(clock.pending).toBe(0);
  expect(scope.seen('registry')).toEqual([]);
});
