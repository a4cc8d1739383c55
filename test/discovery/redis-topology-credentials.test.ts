import { test as anyTest, expect } from 'vitest';
import { credentialsAsker } from '../../src/discovery/redis/ask-credentials.ts';
import type { RedisCredentials } from '../../src/discovery/redis/options.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { redisCluster } from '../support/redis-cluster.ts';
import { redisPair } from '../support/redis-pair.ts';
import { redisRegistries, states, threePlayers } from '../support/redis-registries.ts';
import { redisSentinels } from '../support/redis-sentinels.ts';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { createScope, eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

const ALL = ['on', '~*', '&*', '+@all'];

/** A user of Redis, and a place where its password is kept, as a vault does. */
function userOf(...servers: RedisServer[]) {
  let password = '';
  let asked = 0;
  return {
    /** Sets a new password; those before are void. */
    rotate: async () => {
      password = `secret-${asked}-${Math.random()}`;
      for (const server of servers) await server.command('ACL', 'SETUSER', 'mesh', ...ALL, 'resetpass', `>${password}`);
    },
    /** Takes the user away, and with it its connections. */
    remove: async () => {
      for (const server of servers) await server.command('ACL', 'DELUSER', 'mesh');
    },
    credentials: async (): Promise<RedisCredentials> => {
      asked++;
      return { username: 'mesh', password };
    },
    get asked() {
      return asked;
    },
  };
}

test('F15: a password that was changed is asked for at the next connect; until then the connection stands', async () => {
  const server = await started(startRedis());
  const user = userOf(server);
  await user.rotate();
  const owner = open({ url: server.url, credentials: user.credentials });
  const caller = open({ url: server.url, credentials: user.credentials });
  const { players, announcements } = await threePlayers(owner, caller);
  expect((await server.command('CLIENT', 'LIST')).match(/user=mesh/g)).toHaveLength(2);

  await user.rotate();
  owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => players.watch.view.instances.length === 4);

  // As when Redis restarts, or a token has run out and the server ends the connection.
  for (let i = 0; i < 3; i++) {
    await user.rotate();
    const { asked } = user;
    await server.command('CLIENT', 'KILL', 'USER', 'mesh');
    await eventually(() => user.asked > asked && announcements.every(({ state }) => state === 'announced'));
    await eventually(
      () => players.watch.view.state === 'current',
      () => players.watch.view,
    );
  }
  // Whoever came back had asked: nobody tried a password that was void.
  expect((await server.command('ACL', 'LOG')).trim()).toBe('*0');
  expect([players.fewest, caller.scope.seen('fault')]).toEqual([3, []]);
  expect(states(caller)).not.toContain('for good');
  expect(JSON.stringify([owner, caller].map(({ scope }) => scope.seen('registry')))).not.toContain('secret');
});

test('F15: a user that was removed and made anew is spoken as again, and no endpoint is lost', async () => {
  const server = await started(startRedis());
  const user = userOf(server);
  await user.rotate();
  const caller = open({ url: server.url, credentials: user.credentials });
  const { players } = await threePlayers(open({ url: server.url, credentials: user.credentials }), caller);
  await user.remove();
  await eventually(
    () => states(caller) === 'connected, lost, lost for good',
    () => states(caller),
  );
  expect(players.watch.view.reason).toMatch(/^WRONGPASS/);
  await user.rotate();
  await eventually(
    () => players.whole,
    () => players.watch.view,
  );
  expect(players.fewest).toBe(3);
});

test('F15: when no credentials can be had it is told once, and those before are tried', async () => {
  const server = await started(startRedis());
  const user = userOf(server);
  await user.rotate();
  let broken = false;
  const credentials = () => (broken ? Promise.reject(new Error('the vault is sealed')) : user.credentials());
  const { registry, scope } = open({ url: server.url, credentials });
  const watch = registry.watch('players', () => {});
  await eventually(() => watch.view.state === 'current');
  broken = true;
  for (let i = 0; i < 3; i++) {
    const { asOf } = watch.view;
    await server.command('CLIENT', 'KILL', 'USER', 'mesh');
    await eventually(() => watch.view.state === 'current' && watch.view.asOf > asOf);
  }
  const faults = () => scope.seen('fault').map(({ source, error }) => [source, String(error)]);
  expect(faults()).toEqual([[`credentials of 'redis://127.0.0.1:${server.port}'`, 'Error: the vault is sealed']]);
});

test('F15: credentials that never come are waited for 2 s, and those of the place are tried', async () => {
  const clock = new ManualClock();
  const scope = createScope(clock);
  const asked: unknown[] = [];
  const credentials = () => new Promise<RedisCredentials>(() => {});
  const ask = credentialsAsker({ credentials, name: 'redis', scope }, (answer) => asked.push(answer));
  let over = 0;
  for (let i = 0; i < 2; i++) {
    ask().then(() => over++, expect.fail);
    await clock.advance(1_990);
    expect(over).toBe(i);
    await clock.advance(20);
    expect(over).toBe(i + 1);
  }
  expect([asked, scope.seen('fault').map(({ error }) => String(error))]).toEqual([
    [],
    ['Error: no credentials within 2000 ms'],
  ]);
});

test('F15: a registry that waits for its credentials can be closed, and does not connect after that', async () => {
  const server = await started(startRedis());
  let answer: (credentials: RedisCredentials) => void = () => {};
  const { registry } = open({
    url: server.url,
    credentials: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  });
  registry.watch('players', () => {});
  await registry.close();
  answer({ password: '' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(await server.command('CLIENT', 'LIST')).not.toContain('name=heddle');
});

test('F15: in a Cluster the nodes that are met later are told the new password too', async () => {
  const cluster = await started(redisCluster(true));
  const servers = [...cluster.masters, ...(cluster.replica ? [cluster.replica] : [])];
  const user = userOf(...servers);
  await user.rotate();
  const nodes = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }));
  const place = { cluster: { nodes }, credentials: user.credentials };
  const caller = open(place);
  const { players, announcements } = await threePlayers(open(place), caller);
  await user.rotate();
  // Node after node loses its connections, so that each is connected to anew, with a password that was not known at the start.
  for (const server of servers) await server.command('CLIENT', 'KILL', 'USER', 'mesh');
  await eventually(
    () => players.whole && announcements.every(({ state }) => state === 'announced'),
    () => [players.watch.view, announcements.map(({ state }) => state)],
    15_000,
  );

  // One node alone: the Cluster stands, and so nobody connects to it as a whole, which would be a moment to ask.
  const lists = watched(() => Promise.all(cluster.masters.map((master) => master.command('CLIENT', 'LIST'))));
  const usersOf = (list: string) =>
    list.split('\n').flatMap((line) => / name=heddle .* user=(\S+)/.exec(line)?.[1] ?? []);
  await eventually(() => lists()?.every((list) => usersOf(list).length >= 2) ?? false, lists, 30_000);
  await user.rotate();
  const keeper = cluster.masters[await cluster.keeperOf('mesh:v1:{default/players}:i')];
  await keeper?.command('CLIENT', 'KILL', 'USER', 'mesh');
  const before = (await keeper?.command('INFO', 'commandstats')) ?? '';
  const beats = (info: string) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(info)?.[1] ?? 0);
  const now = watched(async () => beats((await keeper?.command('INFO', 'commandstats')) ?? ''));
  await eventually(
    () => (now() ?? 0) > beats(before) + 10 && announcements.every(({ state }) => state === 'announced'),
    now,
    15_000,
  );
  await eventually(
    () => players.whole,
    () => players.watch.view,
    15_000,
  );
  expect(
    new Set((await Promise.all(cluster.masters.map((master) => master.command('CLIENT', 'LIST')))).flatMap(usersOf)),
  ).toEqual(new Set(['mesh']));
  expect(players.fewest).toBe(3);
}, 60_000);

test('F15: with Sentinels the credentials are those of Redis, after a failover too', async () => {
  const pair = await started(redisPair());
  await pair.replica.command('REPLICAOF', '127.0.0.1', pair.primary.port);
  const user = userOf(pair.primary, pair.replica);
  await user.rotate();
  const sentinels = await started(redisSentinels(pair.primary.port, 1));
  const place = { connection: { sentinels: [...sentinels.places], name: 'mesh' }, credentials: user.credentials };
  const { players } = await threePlayers(open(place), open(place));
  await user.rotate();
  const said = await sentinels.command('SENTINEL', 'FAILOVER', 'mesh');
  expect(said.join()).toContain('+OK');
  const primaries = watched(() => sentinels.primaries());
  await eventually(() => primaries()?.every((port) => port === pair.replica.port) ?? false, primaries, 20_000);
  const there = watched(async () => (await pair.replica.command('CLIENT', 'LIST')).match(/user=mesh/g)?.length ?? 0);
  await eventually(() => there() === 2 && players.whole, there, 15_000);
  expect(players.fewest).toBe(3);
}, 60_000);
