import { test as anyTest, expect } from 'vitest';
import { inStep, redisPair } from '../support/redis-pair.ts';
import { redisProxy } from '../support/redis-proxy.ts';
import { follow, ids, redisRegistries, states, threePlayers } from '../support/redis-registries.ts';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

const KEY = 'mesh:v1:{default/players}:';
const listed = async (server: RedisServer) => Number((await server.command('HLEN', `${KEY}i`)).slice(1));
const recordOf = (server: RedisServer, id: string) => server.command('HGET', `${KEY}i`, id);

test('F10: what a failover loses is back within a beat, and no caller sees fewer', async () => {
  const pair = await started(redisPair());
  const place = await started(redisProxy(pair.primary.port));
  const owner = open({ url: place.url });
  const caller = open({ url: place.url });
  // The replica hears nothing of what follows, though the primary acknowledges all of it.
  pair.line.stall();
  const { players, announcements } = await threePlayers(owner, caller);
  expect([await listed(pair.primary), await listed(pair.replica)]).toEqual([3, 0]);
  await pair.primary.kill();
  pair.line.cut();
  await pair.promote();
  expect(await listed(pair.replica)).toBe(0);
  place.leadTo(pair.replica.port);

  const there = watched(() => listed(pair.replica));
  await eventually(() => there() === 3 && players.whole, there);
  expect(players.fewest).toBe(3);
  expect(caller.scope.seen('view').flatMap(({ left }) => left)).toEqual([]);
  expect(announcements.map(({ state }) => state)).toEqual(['announced', 'announced', 'announced']);
  expect([states(owner), states(caller)]).toEqual(Array(2).fill('connected, lost, connected'));
});

test('F10: a record that went missing while the connection stood is back within a beat', async () => {
  const server = await started(startRedis());
  const { players } = await threePlayers(open({ url: server.url }), open({ url: server.url }));
  await server.command('HDEL', `${KEY}i`, 'b');
  const there = watched(() => recordOf(server, 'b'));
  await eventually(() => there()?.startsWith('$-1') === false, there);
  expect([players.whole, players.fewest]).toEqual([true, 3]);
});

test('F11: an owner whose master was demoted connects anew, and finds the new one; no caller sees fewer', async () => {
  const pair = await started(redisPair());
  const place = await started(redisProxy(pair.primary.port));
  const { players, announcements } = await threePlayers(open({ url: place.url }), open({ url: place.url }));
  place.leadTo(pair.replica.port);
  await pair.promote();
  // No connection is cut: only a refusal tells that this is no master any more.
  await pair.primary.command('REPLICAOF', '127.0.0.1', pair.replica.port);
  const others = { beatMs: 60_000, leaseMs: 120_000 };
  const late = open({ url: pair.replica.url, ...others }).registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => late.state === 'announced');

  const leaseOfA = async () => Number((await pair.replica.command('ZSCORE', `${KEY}l`, 'a')).split('\r\n')[1]);
  const before = await leaseOfA();
  const now = watched(leaseOfA);
  await eventually(
    () => (now() ?? before) > before + 300 && announcements.every(({ state }) => state === 'announced'),
    now,
  );
  await eventually(
    () => players.watch.view.instances.length === 4 && players.watch.view.suspects.size === 0,
    () => players.watch.view,
  );
  expect(players.fewest).toBe(3);
});

test('F11: while there is no master but a replica, its refusals are borne, and callers go on from its copy', async () => {
  const pair = await started(redisPair());
  const { url } = pair.primary;
  const { players, announcements } = await threePlayers(open({ url }), open({ url }));
  const place = await started(redisProxy(pair.primary.port));
  const demoted = open({ url: place.url });
  const announcement = demoted.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => announcement.state === 'announced' && players.watch.view.instances.length === 4);
  await pair.promote();
  await pair.primary.command('REPLICAOF', '127.0.0.1', pair.replica.port);
  await eventually(() => announcement.state === 'retrying');
  await eventually(() => place.connects === 2);
  await eventually(() => announcements.every(({ state }) => state === 'retrying'));
  expect([players.fewest, ids(players.watch)]).toEqual([3, 'a b c d']);
  // Refused since, and not once more connected.
  const refused = async () =>
    Number(/errorstat_READONLY:count=(\d+)/.exec(await pair.primary.command('INFO', 'errorstats'))?.[1]);
  const before = await refused();
  const now = watched(refused);
  await eventually(() => (now() ?? 0) > before + 30, now);
  expect(place.connects).toBe(2);
  expect(demoted.scope.seen('registry').some(({ permanent }) => permanent)).toBe(false);
});

test('F12: of two masters neither takes away what the other has, and the newer generation wins', async () => {
  const pair = await started(redisPair());
  const calm = { beatMs: 300, leaseMs: 30_000 };
  const seenBy = await started(redisProxy(pair.primary.port));
  const caller = open({ url: seenBy.url, ...calm });
  const players = follow(caller.registry, 3);
  const left = open({ url: pair.primary.url, ...calm });
  const [staying] = ['a', 'b', 'c'].map((id) => left.registry.announce(instanceOf({ id, port: 1 })));
  await eventually(() => players.whole);
  const copied = watched(() => listed(pair.replica));
  await eventually(() => copied() === 3);

  // The network splits. On the other side there are a master with a copy, a new process of a, and somebody who is only there.
  pair.line.cut();
  await pair.promote();
  const right = open({ url: pair.replica.url, ...calm });
  const newer = right.registry.announce(instanceOf({ id: 'a', port: 2, generation: 2 }));
  const other = right.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => newer.state === 'announced' && other.state === 'announced');
  expect([staying?.state, ids(players.watch)]).toEqual(['announced', 'a b c']);

  const portOfA = () => players.watch.view.instances.find(({ id }) => id === 'a')?.port;
  const look = async (server: RedisServer) => {
    const { asOf } = players.watch.view;
    seenBy.leadTo(server.port);
    seenBy.cut();
    await eventually(
      () => players.watch.view.state === 'current' && players.watch.view.asOf > asOf,
      () => players.watch.view,
    );
  };
  await look(pair.replica);
  expect([ids(players.watch), portOfA()]).toEqual(['a b c d', 2]);
  // Back on the side where a is the older process and d is unknown.
  await look(pair.primary);
  expect([ids(players.watch).split(' ').toSorted().join(' '), portOfA()]).toEqual(['a b c d', 2]);
  // The older a withdraws itself where it is: that is no word of the newer one.
  await staying?.leave();
  await look(pair.replica);
  await look(pair.primary);
  expect([ids(players.watch).includes('a'), portOfA()]).toEqual([true, 2]);
  expect(await recordOf(pair.replica, 'a')).toMatch(/^\$\d+\r\n2\|/);
  expect(players.fewest).toBe(3);

  // The split heals, and the left side's records win, as after a failover. Everybody is listed again.
  await pair.replica.command('REPLICAOF', '127.0.0.1', pair.line.port);
  await inStep(pair.replica);
  expect(await recordOf(pair.replica, 'a')).toMatch(/^\$-1/);
  await pair.promote();
  const there = watched(() => recordOf(pair.replica, 'a'));
  await eventually(() => /^\$\d+\r\n2\|/.test(there() ?? ''), there, 8_000);
});
