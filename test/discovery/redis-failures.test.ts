import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { expect } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { freePort } from '../support/free-port.ts';
import { redisServer, startRedis } from '../support/redis-server.ts';
import {
  afterwards,
  commandCounts,
  figure,
  follow,
  ids,
  KEY,
  listed,
  monitor,
  putRecords,
  said,
  setup,
  setupThree,
  test,
} from './redis-setup.ts';
import { eventually, instanceOf, watched } from './setup.ts';

/** What keeps this process alive and a client of Redis may have made. */
const openSockets = () => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length;
const running = () => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;

test('F1: without Redis a view is stale within milliseconds and says why; when Redis appears it heals', async () => {
  const server = await redisServer();
  const { open } = setup(server);
  const { registry, scope } = open();
  const watch = registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
    1_000,
  );
  expect(watch.view.reason).toMatch(/ECONNREFUSED/);
  expect(await registry.services()).toEqual([]);
  await server.start();
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['lost', 'connected']);
});

test('a process whose Redis is absent ends soon after close', async () => {
  const server = await redisServer();
  afterwards(() => server.close());
  const script = `
    import { openRegistry } from './src/discovery/open-registry.ts';
    import { createScope, eventually, instanceOf } from './test/discovery/setup.ts';
    const registry = openRegistry('registry', '${server.url}')(createScope());
    const watch = registry.watch('players', () => {});
    registry.announce(instanceOf());
    await eventually(() => watch.view.state === 'stale');
    await registry.close();
    const closedAt = performance.now();
    process.on('exit', () => process.stdout.write(String(performance.now() - closedAt)));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(Number(stdout)).toBeLessThan(800);
  expect(stdout).not.toBe('');
});

test('F2: an owner that starts without Redis is announced when Redis appears', async () => {
  const server = await redisServer();
  const { open } = setup(server);
  const { registry, scope } = open();
  const announcement = registry.announce(instanceOf());
  await eventually(() => scope.seen('announcement').length === 1);
  expect(announcement.state).toBe('retrying');
  const standing = () => scope.metrics.value('registry_announced', { registry: registry.name, service: 'players' });
  expect(standing()).toBe(0);
  await server.start();
  await eventually(() => announcement.state === 'announced');
  expect(standing()).toBe(1);
  expect(scope.seen('announcement').map(({ state }) => state)).toEqual(['retrying', 'announced']);
  expect(await listed(server)).toBe(1);
});

test('F3: when Redis dies nothing is removed, however long it is away', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const owner = open();
  owner.registry.announce(instanceOf({ id: 'a' }));
  owner.registry.announce(instanceOf({ id: 'b' }));
  const clock = new ManualClock();
  const { registry, scope } = open({}, clock);
  const watch = registry.watch('players', () => {});
  await eventually(() => {
    void clock.advance(1);
    return ids(watch) === 'a b';
  });
  await server.kill();
  await eventually(() => watch.view.state === 'stale');
  for (let minute = 0; minute < 10; minute++) await clock.advance(60_000);
  watch.failed('a');
  expect([ids(watch), watch.view.state]).toEqual(['a b', 'stale']);
  expect(figure('registry_connected', { registry, scope })).toBe(0);
  expect(figure('registry_age_ms', { registry, scope })).toBeGreaterThanOrEqual(600_000);
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost']);
});

test('F3: the age of what is known is that of the service heard of longest ago', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const caller = open({}, clock);
  expect(figure('registry_age_ms', caller)).toBe(0);
  const watch = caller.registry.watch('players', () => {});
  const teams = caller.registry.watch('teams', () => {});
  await clock.advance(10);
  expect(figure('registry_age_ms', caller)).toBe(10);
  await eventually(() => {
    void clock.advance(1);
    return watch.view.state === 'current' && teams.view.state === 'current';
  });
  const ages = [watch, teams].map(({ view }) => clock.now() - view.asOf);
  expect(figure('registry_age_ms', caller)).toBe(Math.max(...ages));
  await server.kill();
  await eventually(() => watch.view.state === 'stale');
  await clock.advance(5_000);
  expect(figure('registry_age_ms', caller)).toBeGreaterThanOrEqual(5_000);
  watch.close();
  teams.close();
  expect(figure('registry_age_ms', caller)).toBe(0);
});

test('F5: when Redis returns empty its owners register again, and no caller sees fewer', async () => {
  const server = await startRedis();
  const { players, caller, owner } = await setupThree(server);
  await server.kill();
  await eventually(() => players.watch.view.state === 'stale');
  await server.start();
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
  expect(await listed(server)).toBe(3);
  expect(players.fewest).toBe(3);
  expect(caller.scope.seen('view').flatMap(({ left }) => left)).toEqual([]);
  expect(caller.scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost', 'connected']);
  expect(
    owner.scope
      .seen('announcement')
      .filter(({ id }) => id === 'a')
      .map(({ state }) => state),
  ).toEqual(['announced', 'retrying', 'announced']);
});

test('F6: FLUSHALL again and again takes nobody away', async () => {
  const server = await startRedis();
  const { players, caller } = await setupThree(server);
  for (let i = 0; i < 5; i++) {
    await server.command('FLUSHALL');
    const there = watched(() => listed(server));
    await eventually(() => there() === 3);
  }
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
  const services = watched(() => caller.registry.services());
  await eventually(() => services()?.join() === 'players');
  expect(players.fewest).toBe(3);
});

test('F9: a Redis that stops answering is noticed within 3 s, and what was asked of it fails; it heals when it goes on', async () => {
  const server = await startRedis();
  const { players, announcements, owner } = await setupThree(server);
  const frozenAt = performance.now();
  server.freeze();
  const leaving = announcements[2]?.leave().then(() => performance.now() - frozenAt);
  await eventually(
    () => players.watch.view.state === 'stale',
    () => players.watch.view,
  );
  // A ping each 0.9 s and 2 s of silence after it; the rest is for a machine that is busy.
  expect(performance.now() - frozenAt).toBeLessThan(4_000);
  expect(await leaving).toBeLessThan(2_000);
  expect(await owner.registry.services()).toEqual([]);
  expect(announcements.map(({ state }) => state)).toEqual(['retrying', 'retrying', 'left']);
  server.thaw();
  await eventually(() => players.watch.view.state === 'current' && announcements[0]?.state === 'announced');
  owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(
    () => ids(players.watch).includes('d'),
    () => players.watch.view,
  );
});

test('F28: what was on its way when the connection broke settles within a second, and the owner goes on', async () => {
  const server = await startRedis();
  const { openBehindProxy, players } = await setupThree(server);
  const { proxy, registry } = await openBehindProxy();
  const announcement = registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => announcement.state === 'announced');
  proxy.hold('answers');
  const asked = Array.from({ length: 50 }, () => registry.services());
  // The answers are on the way, and will be lost.
  const counts = watched(() => commandCounts(server));
  await eventually(() => (counts()?.get('zrange') ?? 0) >= 50);
  const resetAt = performance.now();
  proxy.reset();
  proxy.release();
  await Promise.all(asked);
  expect(performance.now() - resetAt).toBeLessThan(1_500);
  await eventually(
    () => announcement.state === 'announced' && players.watch.view.instances.length === 4,
    () => players.watch.view,
  );
});

test('F27: what is done twice, because the answer was lost, is done and told once', async () => {
  const server = await startRedis();
  const { open, openBehindProxy } = setup(server);
  const calm = { beatMs: 10_000, leaseMs: 60_000 };
  const players = follow(open(calm).registry, 1);
  await eventually(() => players.watch.view.state === 'current');
  const { proxy, registry } = await openBehindProxy(calm);
  registry.announce(instanceOf({ id: 'first' }));
  // Redis has seen every script once, so that none has to be sent twice.
  const zeroth = open(calm).registry.announce(instanceOf({ id: 'zeroth' }));
  await eventually(() => zeroth.state === 'announced');
  await zeroth.leave();
  const indexed = watched(async () => (await commandCounts(server)).get('zremrangebyscore') ?? 0);
  await eventually(
    () => ids(players.watch) === 'first' && indexed() === 2,
    () => [ids(players.watch), indexed()],
  );
  const revision = async () => (await server.command('HGET', `${KEY}h`, 'rev')).split('\r\n')[1];
  proxy.hold('answers');
  const announcement = registry.announce(instanceOf({ id: 'second' }));
  await eventually(() => ids(players.watch) === 'first second');
  proxy.reset();
  proxy.release();
  expect(announcement.state).toBe('retrying');
  await eventually(() => announcement.state === 'announced');
  expect([await listed(server), await revision()]).toEqual([2, '4']);
  await eventually(() => indexed() === 3);
  proxy.hold('answers');
  const leaving = announcement.leave();
  await eventually(() => ids(players.watch) === 'first');
  proxy.reset();
  await leaving;
  proxy.release();
  expect([await listed(server), await revision()]).toEqual([1, '5']);
});

test('F7: a Redis that does not answer for a second holds nobody up for longer, and takes nobody away', async () => {
  const server = await startRedis();
  const { owner, players, announcements } = await setupThree(server);
  server.freeze();
  const askedAt = performance.now();
  expect(await owner.registry.services()).toEqual([]);
  expect(performance.now() - askedAt).toBeLessThan(1_500);
  server.thaw();
  await eventually(() => players.whole && announcements.every(({ state }) => state === 'announced'));
  expect(players.fewest).toBe(3);
});

test('F7: a Redis that takes half a second for all it does is used all the same', async () => {
  const server = await startRedis();
  const { openBehindProxy } = setup(server);
  const owner = await openBehindProxy({ leaseMs: 3_000 });
  const caller = await openBehindProxy({ leaseMs: 3_000 });
  for (const { proxy } of [owner, caller]) proxy.delay(250);
  const players = follow(caller.registry, 2);
  const a = owner.registry.announce(instanceOf({ id: 'a' }));
  owner.registry.announce(instanceOf({ id: 'b' }));
  await eventually(
    () => players.whole,
    () => players.watch.view,
    10_000,
  );
  await a.leave();
  await eventually(() => ids(players.watch) === 'b');
  expect([said(owner.scope), said(caller.scope)]).toEqual(['connected', 'connected']);
});

test('F7: beats do not pile up at a Redis that is slow to answer', async () => {
  const server = await startRedis();
  const { openBehindProxy } = setup(server);
  const clock = new ManualClock();
  const { proxy, registry } = await openBehindProxy({}, clock);
  const announcement = registry.announce(instanceOf());
  await eventually(() => {
    void clock.advance(1);
    return announcement.state === 'announced';
  });
  await server.command('CONFIG', 'RESETSTAT');
  proxy.hold('answers');
  const beats = watched(async () => (await commandCounts(server)).get('evalsha') ?? 0);
  await eventually(() => {
    void clock.advance(10);
    return (beats() ?? 0) > 0;
  });
  for (let i = 0; i < 10; i++) await clock.advance(50);
  expect((await commandCounts(server)).get('evalsha')).toBe(1);
  proxy.release();
  await eventually(() => {
    void clock.advance(20);
    return (beats() ?? 0) > 1;
  });
  expect(announcement.state).toBe('announced');
});

test('F17: a caller that is cut off from Redis keeps what it knows, and asks once when it is back', async () => {
  const server = await startRedis();
  const { openBehindProxy } = setup(server);
  await putRecords(server, ['a', 'b'], 600_000);
  const { proxy, registry, scope } = await openBehindProxy();
  const players = follow(registry, 2);
  await eventually(() => players.whole);
  proxy.hold();
  await eventually(() => players.watch.view.state === 'stale');
  players.watch.failed('a');
  await putRecords(server, ['a', 'b', 'c'], 600_000);
  await server.command('CONFIG', 'RESETSTAT');
  proxy.release();
  await eventually(
    () => players.watch.view.instances.length === 3,
    () => players.watch.view,
    10_000,
  );
  expect([said(scope), players.fewest]).toEqual(['connected lost connected', 2]);
  expect((await commandCounts(server)).get('evalsha')).toBe(1);
});

test('F26: a caller that returns asks for what it follows, once each, however often it watches it', async () => {
  const server = await startRedis();
  const { open, openBehindProxy } = setup(server);
  const owner = open({ beatMs: 60_000, leaseMs: 120_000 });
  const others = Array.from({ length: 50 }, (_, i) =>
    owner.registry.announce(instanceOf({ id: `${i}`, service: `service-${i}` })),
  );
  await eventually(() => others.every(({ state }) => state === 'announced'));
  const { proxy, registry } = await openBehindProxy();
  const watches = ['service-1', 'service-2', 'service-2'].map((service) => registry.watch(service, () => {}));
  await eventually(() => watches.every(({ view }) => view.state === 'current'));
  await server.command('CONFIG', 'RESETSTAT');
  proxy.reset();
  await eventually(() => watches.every(({ view }) => view.state === 'stale'));
  await eventually(() => watches.every(({ view }) => view.state === 'current'));
  expect((await commandCounts(server)).get('evalsha')).toBe(2);
});

test('F22: a caller that is too slow for what it is told is cut off by Redis, and knows all in the end', async () => {
  const server = await startRedis();
  await server.command('CONFIG', 'SET', 'client-output-buffer-limit', 'pubsub 4000000 0 0');
  const { openBehindProxy, owner } = await setupThree(server);
  const { proxy, registry } = await openBehindProxy();
  const players = follow(registry, 3);
  await eventually(() => players.whole);
  proxy.hold('answers');
  const noise = 'x'.repeat(1_000_000);
  const listening = watched(async () => {
    await server.command('PUBLISH', `${KEY}c`, noise);
    const clients = await server.command('CLIENT', 'LIST', 'TYPE', 'pubsub');
    return clients.split('\n').filter((line) => line.startsWith('id=')).length;
  });
  await eventually(() => listening() === 2);
  await eventually(() => listening() === 1, listening);
  const late = owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => late.state === 'announced');
  proxy.release();
  await eventually(
    () => players.watch.view.state === 'current' && ids(players.watch) === 'a b c d',
    () => players.watch.view,
    10_000,
  );
  expect(players.fewest).toBe(3);
});

test('F24: nothing that was wanted while Redis was away is sent later', async () => {
  const server = await startRedis();
  const { openBehindProxy } = setup(server);
  const { proxy, registry, scope } = await openBehindProxy();
  const announcement = registry.announce(instanceOf());
  await eventually(() => announcement.state === 'announced');
  proxy.hold();
  proxy.reset();
  await eventually(() => said(scope) === 'connected lost');
  const sent = await monitor(server);
  const left = registry.announce(instanceOf({ id: 'away' })).leave();
  const services = registry.services();
  proxy.release();
  await eventually(
    () => said(scope) === 'connected lost connected' && announcement.state === 'announced',
    () => said(scope),
    10_000,
  );
  await eventually(() => sent.filter(({ words }) => words[0] === 'evalsha').length > 3);
  await left;
  expect(await services).toEqual([]);
  expect(sent.filter(({ words }) => words.includes('away') || words[0] === 'zrange')).toEqual([]);
});

test('F24: nobody reads before it listens', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const sent = await monitor(server);
  const { registry } = open();
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'current');
  const names = () => sent.map(({ words }) => words[0]);
  await eventually(() => names().includes('evalsha') && names().includes('subscribe'), names);
  expect(names().indexOf('subscribe')).toBeLessThan(names().indexOf('evalsha'));
});

test('F21: a subscription that was cut off misses nothing in the end', async () => {
  const server = await startRedis();
  const { open, players } = await setupThree(server);
  const other = open();
  for (let i = 0; i < 5; i++) {
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    other.registry.announce(instanceOf({ id: `late-${i}` }));
  }
  await eventually(
    () => players.watch.view.instances.length === 8,
    () => ids(players.watch),
  );
  expect(players.fewest).toBe(3);
});

test('F100: nonsense on the channel changes nothing', async () => {
  const server = await startRedis();
  const { players, owner } = await setupThree(server);
  const { revision } = players.watch.view;
  const liar = JSON.stringify(instanceOf({ id: 'liar', port: 0 }));
  for (const text of [
    '',
    'x',
    '[]',
    'null',
    '{"epoch":1}',
    'x'.repeat(100_000),
    JSON.stringify({ epoch: 'x', rev: 9, op: 'join', record: liar }),
  ])
    await server.command('PUBLISH', `${KEY}c`, text);
  owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => players.watch.view.instances.length === 4);
  expect(players.watch.view.revision).toBe(revision + 1);
});

test('a server that speaks only RESP2 gets a second connection to listen on, and a client that was given stays untouched', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const client = new Redis({ port: server.port, protocol: 2, lazyConnect: true, keyPrefix: 'app:' });
  afterwards(async () => client.disconnect());
  const owner = open({ client });
  const { registry } = open({ client });
  const watch = registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  owner.registry.announce(instanceOf());
  await eventually(
    () => ids(watch) === 'players-1',
    () => watch.view,
  );
  expect(await listed(server)).toBe(1);
  await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(() => watch.view.state === 'stale');
  await eventually(() => watch.view.state === 'current');
  owner.registry.announce(instanceOf({ id: 'second' }));
  await eventually(() => watch.view.instances.length === 2);
  await registry.close();
  expect(client.status).toBe('wait');
});

test('a Cluster is followed like a single server', async () => {
  const bus = ['--cluster-port', `${await freePort()}`];
  const server = await startRedis(['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', ...bus]);
  await server.command('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  const { open } = setup(server);
  const client = new Cluster([{ host: '127.0.0.1', port: server.port }], { lazyConnect: true });
  afterwards(async () => client.disconnect());
  const owner = open({ client });
  const watch = open({ client }).registry.watch('players', () => {});
  const announcement = owner.registry.announce(instanceOf());
  await eventually(
    () => ids(watch) === 'players-1',
    () => [watch.view, announcement.state],
    10_000,
  );
  const services = watched(() => owner.registry.services());
  await eventually(() => services()?.join(' ') === 'players', services);
  await announcement.leave();
  await eventually(() => ids(watch) === '');
  await server.kill();
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
  );
});

test.each([3, 2] as const)(
  'F8: over RESP%i a connection that breaks again and again leaves nothing behind, and neither does close',
  async (protocol) => {
    const server = await startRedis();
    const client = new Redis({ port: server.port, protocol, lazyConnect: true });
    const before = running();
    const socketsBefore = openSockets();
    const { open } = setup(server);
    const owner = open({ client });
    const caller = open({ client });
    const players = follow(caller.registry, 3);
    for (const id of ['a', 'b', 'c']) owner.registry.announce(instanceOf({ id }));
    await eventually(() => players.whole);
    const sockets = running();
    for (let i = 0; i < 5; i++) {
      // The last to be cut off is what commands go through: what listened has to be closed then.
      await server.command('CLIENT', 'KILL', 'TYPE', i % 2 === 0 ? 'normal' : 'pubsub');
      if (protocol === 3) await server.command('CLIENT', 'KILL', 'TYPE', i % 2 === 0 ? 'pubsub' : 'normal');
      await eventually(() => players.watch.view.state === 'stale');
      await eventually(() => players.watch.view.state === 'current');
    }
    expect(players.fewest).toBe(3);
    await eventually(
      () => running() <= sockets + 2,
      () => process.getActiveResourcesInfo(),
    );
    await Promise.all([owner.registry.close(), caller.registry.close()]);
    await eventually(
      () => running() <= before && openSockets() <= socketsBefore,
      () => process.getActiveResourcesInfo(),
      2_000,
    );
  },
);
