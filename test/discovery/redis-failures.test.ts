import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { afterEach, test as anyTest, expect } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { RedisRegistryFields } from '../../src/discovery/redis/options.ts';
import { createRedisRegistry } from '../../src/discovery/redis/redis-registry.ts';
import type { Registry, View, Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { freePort, ownRedis, type RedisServer, redisServer, startRedis } from '../support/redis-server.ts';
import { createScope, eventually, instanceOf, watched } from './setup.ts';

/** All of these break a server, so it has to be one of our own. */
const test = anyTest.skipIf(!ownRedis);

const KEY = 'mesh:v1:{default/players}:';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Registries on one server: beats of 100 ms, leases of 500 ms, and so a hold of 250 ms and a grace of 500 ms. */
function setup(server: RedisServer) {
  cleanups.push(() => server.close());
  return {
    open(options: RedisRegistryFields = {}, clock?: Clock) {
      const scope = createScope(clock);
      const where = options.client === undefined ? { url: server.url } : {};
      const registry = createRedisRegistry('registry', {
        ...where,
        beatMs: 100,
        leaseMs: 500,
        reconnectMs: 100,
        ...options,
      })(scope);
      cleanups.push(() => registry.close());
      return { registry, scope };
    },
  };
}

/** What keeps this process alive and a client of Redis may have made. */
const running = () => process.getActiveResourcesInfo().filter((kind) => /TCP|Timeout/.test(kind)).length;
const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
const listed = async (server: RedisServer) => Number((await server.command('HLEN', `${KEY}i`)).slice(1));

/** Follows players, and remembers the smallest view since it was first complete. */
function follow(registry: Registry, complete: number) {
  let fewest = Number.POSITIVE_INFINITY;
  const see = (view: View) => {
    if (fewest < Number.POSITIVE_INFINITY || view.instances.length === complete)
      fewest = Math.min(fewest, view.instances.length);
  };
  const watch = registry.watch('players', see);
  return {
    watch,
    get fewest() {
      return fewest;
    },
    /** All of them, current, and none of them in doubt. */
    get whole() {
      const { state, instances, suspects } = watch.view;
      return state === 'current' && instances.length === complete && suspects.size === 0;
    },
  };
}

/** A service of three, and a caller that knows them. */
async function setupThree(server: RedisServer) {
  const { open } = setup(server);
  const owner = open();
  const caller = open();
  const players = follow(caller.registry, 3);
  const announcements = ['a', 'b', 'c'].map((id) => owner.registry.announce(instanceOf({ id })));
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
  return { open, owner, caller, players, announcements };
}

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
  cleanups.push(() => server.close());
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
  await server.start();
  await eventually(() => announcement.state === 'announced');
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
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['connected', 'lost']);
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
  const { players } = await setupThree(server);
  for (let i = 0; i < 5; i++) {
    await server.command('FLUSHALL');
    const there = watched(() => listed(server));
    await eventually(() => there() === 3);
  }
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
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
  expect(performance.now() - frozenAt).toBeLessThan(3_050);
  expect(await leaving).toBeLessThan(1_100);
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

test('F13: a password that is wrong is said once, without the password, and heals when it is right', async () => {
  const server = await startRedis(['--requirepass', 'right']);
  const { open } = setup(server);
  const { registry, scope } = open({ url: `redis://:secret@127.0.0.1:${server.port}` });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toMatch(/^WRONGPASS/);
  await eventually(() => registry.announce(instanceOf()).state === 'retrying');
  const admin = new Redis({ port: server.port, password: 'right' });
  await admin.config('SET', 'requirepass', 'secret');
  admin.disconnect();
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  expect(scope.seen('registry').map(({ state }) => state)).toEqual(['lost', 'connected']);
  expect(JSON.stringify([registry.name, scope.seen('registry'), scope.seen('announcement'), watch.view])).not.toContain(
    'secret',
  );
});

test('F13: a rule of Redis that forbids listening, or writing, is said and heals', async () => {
  const server = await startRedis();
  await server.command('ACL', 'SETUSER', 'default', 'resetchannels');
  const { open } = setup(server);
  const { registry, scope } = open();
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'stale');
  expect(watch.view.reason).toMatch(/^NOPERM/);
  await server.command('ACL', 'SETUSER', 'default', 'allchannels', '-hset');
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  const announcement = registry.announce(instanceOf());
  await eventually(() => scope.seen('registry').at(-1)?.state === 'lost');
  expect(announcement.state).toBe('retrying');
  await server.command('ACL', 'SETUSER', 'default', '+hset');
  await eventually(
    () => ids(watch) === 'players-1',
    () => watch.view,
  );
  const states = () =>
    scope
      .seen('registry')
      .map(({ state }) => state)
      .join(' ');
  await eventually(() => states() === 'connected lost connected lost connected', states);
});

test('F18: clocks of processes that are an hour off decide nothing', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const off = (hours: number): Clock => ({ ...systemClock, wall: () => systemClock.wall() + hours * 3_600_000 });
  const owner = open({}, off(-1));
  const caller = open({}, off(1));
  const watch = caller.registry.watch('players', () => {});
  owner.registry.announce(instanceOf());
  await eventually(() => ids(watch) === 'players-1');
  const late = open({}, off(1)).registry.watch('players', () => {});
  await eventually(() => late.view.state === 'current');
  expect([ids(late), late.view.suspects.size]).toEqual(['players-1', 0]);
});

test('F28: what was on its way when the connection broke settles, and the owner goes on', async () => {
  const server = await startRedis();
  const { announcements, players } = await setupThree(server);
  server.freeze();
  // Beats of 100 ms: by the time the silence is noticed each owner has had one on its way.
  await eventually(() => announcements.every(({ state }) => state === 'retrying'));
  await server.kill();
  await server.start();
  await eventually(() => announcements.every(({ state }) => state === 'announced') && players.whole);
  expect(await listed(server)).toBe(3);
});

test('F33: of ten reapers one a lease removes at most a hundred that are long dead, and nobody who lives', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const watch = open().registry.watch('players', () => {});
  for (let i = 0; i < 10; i++) open({ leaseMs: 60_000 }).registry.announce(instanceOf({ id: `live-${i}` }));
  await eventually(() => watch.view.instances.length === 10);
  const revision = async () => Number((await server.command('HGET', `${KEY}h`, 'rev')).split('\r\n')[1]);
  const before = await revision();
  const dead = Array.from({ length: 150 }, (_, i) => `dead-${i}`);
  await server.command('HSET', `${KEY}i`, ...dead.flatMap((id) => [id, `1|${JSON.stringify(instanceOf({ id }))}`]));
  await server.command('ZADD', `${KEY}l`, ...dead.flatMap((id) => [Date.now() - 200_000, id]));
  const count = watched(() => listed(server));
  await eventually(() => count() === 60);
  // Every owner beats twice more, and sees the fifty that are left.
  const beaten = Date.now() + 60_000 + 300;
  const late = watched(async () => Number((await server.command('ZCOUNT', `${KEY}l`, '-inf', beaten)).slice(1)));
  await eventually(() => late() === 50);
  expect([await listed(server), await revision()]).toEqual([60, before + 100]);
  expect([watch.view.instances.length, watch.view.suspects.size]).toEqual([10, 0]);
});

test('F16: an instance that dies without a word is suspect at the next look, and goes after its grace', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const { registry } = open({ leaseMs: 30_000, beatMs: 10_000 }, clock);
  const watch = registry.watch('players', () => {});
  // Nobody beats, and so nobody reaps: the reader has to see it by itself.
  for (const [id, leaseMs] of [['alive', 600_000] as const, ['silent', 300] as const]) {
    await server.command('HSET', `${KEY}i`, id, `1|${JSON.stringify(instanceOf({ id }))}`);
    await server.command('ZADD', `${KEY}l`, Date.now() + leaseMs, id);
  }
  const until = (holds: () => boolean, stepMs: number) =>
    eventually(
      () => {
        void clock.advance(stepMs);
        return holds();
      },
      () => [ids(watch), [...watch.view.suspects], watch.view.state],
    );
  await until(() => ids(watch) === 'alive silent', 1);
  await until(() => watch.view.suspects.has('silent'), 1_000);
  await until(() => ids(watch) === 'alive', 1_000);
  await registry.close();
  expect(clock.pending).toBe(0);
});

test('F23: a process whose id a newer one took is fenced at once, and its leave does not take the newer away', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const calm = { beatMs: 60_000, leaseMs: 120_000 };
  const watch = open(calm).registry.watch('players', () => {});
  const announce = (generation: number) => open(calm).registry.announce(instanceOf({ generation }));
  const first = announce(6);
  await eventually(() => first.state === 'announced');
  const newer = announce(7);
  await eventually(() => newer.state === 'announced' && watch.view.instances[0]?.generation === 7);
  const older = announce(5);
  await eventually(() => older.state === 'fenced');
  await first.leave();
  expect(await server.command('HGET', `${KEY}i`, 'players-1')).toMatch(/^\$\d+\r\n7\|/);
  expect(watch.view.instances[0]?.generation).toBe(7);
});

test('an owner that leaves while a beat is on its way is not registered again by that beat', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const clock = new ManualClock();
  const announcement = open({}, clock).registry.announce(instanceOf());
  await eventually(() => {
    void clock.advance(1);
    return announcement.state === 'announced';
  });
  await server.command('FLUSHALL');
  server.freeze();
  // The beat goes out, and will find that the record is not there.
  await clock.advance(120);
  const left = announcement.leave();
  server.thaw();
  await left;
  expect(await listed(server)).toBe(0);
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

test('an owner that leaves after its record was lost still tells those who have it', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const slow = open({ beatMs: 60_000, leaseMs: 120_000 });
  const caller = open({ beatMs: 60_000, leaseMs: 120_000 });
  const watch = caller.registry.watch('players', () => {});
  const announcement = slow.registry.announce(instanceOf());
  await eventually(() => ids(watch) === 'players-1');
  await server.command('FLUSHALL');
  await announcement.leave();
  await eventually(
    () => ids(watch) === '',
    () => watch.view,
  );
});

test('a server that speaks only RESP2 gets a second connection to listen on, and a client that was given stays untouched', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const client = new Redis({ port: server.port, protocol: 2, lazyConnect: true, keyPrefix: 'app:' });
  cleanups.push(async () => client.disconnect());
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
  cleanups.push(async () => client.disconnect());
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

test('F8: a connection that breaks again and again leaves nothing behind, and neither does close', async () => {
  const server = await startRedis();
  const before = running();
  const { players, owner, caller } = await setupThree(server);
  const sockets = running();
  for (let i = 0; i < 5; i++) {
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => players.watch.view.state === 'stale');
    await eventually(() => players.watch.view.state === 'current');
  }
  expect(players.fewest).toBe(3);
  expect(running()).toBeLessThanOrEqual(sockets + 2);
  await Promise.all([owner.registry.close(), caller.registry.close()]);
  await eventually(
    () => running() <= before,
    () => process.getActiveResourcesInfo(),
    2_000,
  );
});
