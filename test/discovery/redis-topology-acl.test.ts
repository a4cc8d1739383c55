import { Redis } from 'ioredis';
import { test as anyTest, describe, expect } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { documentedForCluster, documentedUsers, setUser } from '../support/redis-acl.ts';
import { redisCluster } from '../support/redis-cluster.ts';
import { ids, redisRegistries, states } from '../support/redis-registries.ts';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

const users = documentedUsers();
/** What Redis says, as newer and as older versions say it of a command within a script. */
const REFUSED = /NOPERM|ACL failure|The user executing the script can't/;
const FORBIDDEN = [
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['SCAN', '0'],
  ['CONFIG', 'GET', '*'],
  ['ACL', 'LIST'],
  ['DEBUG', 'SLEEP', '0'],
  ['GET', 'mesh:v1:x'],
  ['DEL', 'mesh:v1:{default/teams}:i'],
  ['HSET', 'other:key', 'a', 'b'],
  ['PUBLISH', 'other:channel', 'x'],
] as const;

/** A server without a default user: the documented ones, and an admin, as whom the test looks on. */
async function setup(): Promise<{ server: RedisServer; admin: Redis; placeOf: (name: string) => { url: string } }> {
  const server = await started(startRedis());
  await setUser(server, 'admin', ['on', '>admin', '~*', '&*', '+@all']);
  for (const [name, rules] of users) await setUser(server, name, rules);
  const placeOf = (name: string) => ({ url: `redis://${name}:${name}@127.0.0.1:${server.port}` });
  const admin = new Redis(placeOf('admin').url);
  await started(Promise.resolve({ close: async () => admin.disconnect() }));
  await admin.acl('SETUSER', 'default', 'off');
  return { server, admin, placeOf };
}

/** What a server refused since the log was last emptied: commands, keys or channels. */
async function refusals(admin: Redis): Promise<string[]> {
  const log: unknown = await admin.acl('LOG');
  return (log as unknown[][]).map((entry) => String(entry[entry.indexOf('object') + 1])); // pairs of names and values
}

/** Puts a record there whose owner is long dead, so that somebody has something to reap. */
async function plantDead(admin: Redis, service: string): Promise<void> {
  const key = `mesh:v1:{default/${service}}:`;
  await admin.hset(`${key}i`, 'dead', `1|${JSON.stringify(instanceOf({ id: 'dead', service }))}`);
  await admin.zadd(`${key}l`, 1, 'dead');
  // Its reaper has gone as well.
  await admin.del(`${key}r`);
}

test('the documentation has a user for owners, one for callers, and one for a single service', () => {
  expect([...users.keys()]).toEqual(['mesh', 'mesh-caller', 'mesh-teams']);
});

test.each(['mesh', 'mesh-teams'])(
  'the user %s announces, follows, reaps, lists and leaves, and nothing is refused',
  async (name) => {
    const { admin, placeOf } = await setup();
    await plantDead(admin, 'teams');
    const caller = open(placeOf('mesh-caller'));
    const owner = open(placeOf(name));
    const seen = [caller, owner].map(({ registry }) => registry.watch('teams', () => {}));
    const announcement = owner.registry.announce(instanceOf({ service: 'teams', id: 't' }));
    await eventually(
      () => seen.every((watch) => ids(watch) === 't') && announcement.state === 'announced',
      () => seen.map(({ view }) => view),
    );
    const left = watched(() => admin.hkeys('mesh:v1:{default/teams}:i'));
    await eventually(() => left()?.join() === 't', left);
    for (const { registry } of [caller, owner]) expect(await registry.services()).toEqual(['teams']);
    await announcement.leave();
    await eventually(() => seen.every((watch) => ids(watch) === ''));
    for (const watch of seen) watch.close();
    await Promise.all([caller.registry.close(), owner.registry.close()]);
    expect(await refusals(admin)).toEqual([]);
    expect([states(caller), states(owner)]).toEqual(['connected', 'connected']);
  },
);

test.each([...users.keys()])('the user %s may do nothing else', async (name) => {
  const { placeOf } = await setup();
  const client = new Redis(placeOf(name).url);
  for (const [command, ...words] of FORBIDDEN) await expect(client.call(command, ...words)).rejects.toThrow(/^NOPERM/);
  client.disconnect();
});

test('a user that only calls can write nothing, by a script neither', async () => {
  const { admin, placeOf } = await setup();
  const { registry } = open(placeOf('mesh-caller'));
  const announcement = registry.announce(instanceOf({ service: 'teams' }));
  await eventually(() => announcement.state === 'retrying');
  const client = new Redis(placeOf('mesh-caller').url);
  const key = 'mesh:v1:{default/teams}:i';
  for (const write of [
    `redis.call('HSET', KEYS[1], 'a', 'b')`,
    `redis.call('DEL', KEYS[1])`,
    `redis.call('PUBLISH', 'mesh:v1:{default/teams}:c', 'x')`,
  ])
    await expect(client.eval(write, 1, key)).rejects.toThrow(REFUSED);
  client.disconnect();
  expect(await admin.dbsize()).toBe(0);
});

test('F102: the user of one service can announce, change and withdraw nobody of another, and is told so', async () => {
  const { admin, placeOf } = await setup();
  const honest = open(placeOf('mesh'));
  const liar = open(placeOf('mesh-teams'));
  const caller = open(placeOf('mesh-caller'));
  const watch = caller.registry.watch('players', () => {});
  honest.registry.announce(instanceOf({ id: 'p' }));
  await eventually(() => ids(watch) === 'p');
  const { revision } = watch.view;
  const lie = liar.registry.announce(instanceOf({ id: 'p', host: '10.6.6.6', generation: 2 }));
  await eventually(
    () => states(liar).includes('for good'),
    () => states(liar),
  );
  expect(lie.state).toBe('retrying');
  await lie.leave();

  const client = new Redis(placeOf('mesh-teams').url);
  const key = 'mesh:v1:{default/players}:';
  const leave = JSON.stringify({ epoch: 'x', rev: 9, op: 'leave', id: 'p', generation: '9' });
  const lies = [
    () => client.hset(`${key}i`, 'p', '2|{}'),
    () => client.zrem(`${key}l`, 'p'),
    () => client.publish(`${key}c`, leave),
    () => client.eval(`redis.call('HDEL', KEYS[1], 'p')`, 1, `${key}i`),
    () => client.eval(`redis.call('PUBLISH', '${key}c', ARGV[1])`, 0, leave),
    // A key that is not declared is one all the same.
    () => client.eval(`redis.call('HDEL', '${key}i', 'p')`, 0),
  ];
  for (const tell of lies) await expect(tell()).rejects.toThrow(REFUSED);
  client.disconnect();
  expect(await admin.hget(`${key}i`, 'p')).toMatch(/^1\|/);
  expect([ids(watch), watch.view.revision, watch.view.instances[0]?.host]).toEqual(['p', revision, '10.0.0.1']);
});

describe('each permission of the documentation is missed when it is taken away', () => {
  const cases = [...users].flatMap(([name, rules]) =>
    without(rules).map((one) => [name, one.what, one.rules] as const),
  );

  test.each(cases)(
    '%s without %s',
    async (name, what, rules) => {
      const { admin, placeOf } = await setup();
      const said = await admin.acl('SETUSER', name, ...rules.map((rule) => rule.replace('PASSWORD', name)));
      expect(said).toBe('OK');
      const calm = { beatMs: 60_000, leaseMs: 120_000 };
      const others = open({ ...placeOf('admin'), ...calm }).registry;
      const other = others.announce(instanceOf({ service: 'teams', id: 'other' }));
      await eventually(() => other.state === 'announced');
      await plantDead(admin, 'teams');
      await admin.script('FLUSH');

      // Who only calls looks again after 30 s at the most.
      const calls = name === 'mesh-caller';
      const clock = calls ? new ManualClock() : undefined;
      const { registry } = open(placeOf(name), clock);
      const own = calls ? undefined : registry.announce(instanceOf({ service: 'teams', id: 't' }));
      registry.watch('teams', () => {});
      const players = registry.watch('players', () => {});
      const missed = watched(() => refusals(admin));
      await eventually(
        () => {
          void registry.services();
          void clock?.advance(500);
          if ((calls || own?.state === 'announced') && players.view.state === 'current') players.close();
          return missed()?.some((object) => refusedBy(what, object)) ?? false;
        },
        missed,
        8_000,
      );
    },
    20_000,
  );
});

/** The rules without each of their permissions in turn. */
function without(rules: readonly string[]): { what: string; rules: readonly string[] }[] {
  return rules.flatMap((rule, i) => {
    if (rule.startsWith('(')) {
      const inner = rule.slice(1, -1).split(' ');
      return without(inner).map((one) => ({
        what: one.what,
        rules: rules.with(i, `(${one.rules.join(' ')})`),
      }));
    }
    return /^[+~&]/.test(rule) ? [{ what: rule, rules: rules.toSpliced(i, 1) }] : [];
  });
}

/** Whether what the log names was allowed by this rule. */
function refusedBy(rule: string, object: string): boolean {
  if (rule.startsWith('+')) return object === rule.slice(1);
  const pattern = rule.slice(1);
  return pattern.endsWith('*') ? object.startsWith(pattern.slice(0, -1)) : object === pattern;
}

test('in a Cluster the user needs what the documentation adds', async () => {
  const cluster = await started(redisCluster(false));
  const rules = users.get('mesh') ?? [];
  for (const server of cluster.masters) await setUser(server, 'mesh', [...rules, ...documentedForCluster()]);
  const nodes = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }));
  const place = { cluster: { nodes, username: 'mesh', password: 'mesh' } };
  const { registry } = open(place);
  const services = ['players', 'teams', 'leagues', 'matches'];
  const watches = services.map((service) => registry.watch(service, () => {}));
  const owner = open(place);
  for (const service of services) owner.registry.announce(instanceOf({ service, id: service }));
  await eventually(
    () => watches.every((watch, i) => ids(watch) === services[i]),
    () => watches.map(({ view }) => view),
    10_000,
  );
  const logs = await Promise.all(cluster.masters.map((server) => server.command('ACL', 'LOG')));
  expect(logs.map((log) => log.trim())).toEqual(['*0', '*0', '*0']);
  for (const server of cluster.masters) await setUser(server, 'mesh', rules);
  const late = open(place);
  const watch = late.registry.watch('players', () => {});
  await eventually(
    () => states(late) === 'lost for good',
    () => [states(late), watch.view],
    8_000,
  );
  expect(watch.view.reason).toMatch(/^NOPERM.*cluster\|slots/);
}, 60_000);
