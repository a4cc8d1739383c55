import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { test as anyTest, expect } from 'vitest';
import { redisCluster } from '../support/redis-cluster.ts';
import { ids, type OpenRegistry, redisRegistries } from '../support/redis-registries.ts';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

/** The connections of meshes that a server has, and what it knows of them. */
async function connectionsOf(server: RedisServer): Promise<string[]> {
  const list = await server.command('CLIENT', 'LIST');
  return list.split('\n').filter((line) => line.includes(' name=heddle'));
}

/** Owners and callers of three services in one process. */
async function busy({ registry }: OpenRegistry): Promise<void> {
  const services = ['players', 'teams', 'leagues'];
  const announcements = services.map((service) => registry.announce(instanceOf({ service, id: `${service}-a` })));
  const watches = services.map((service) => registry.watch(service, () => {}));
  await eventually(
    () =>
      watches.every((watch, i) => ids(watch) === `${services[i]}-a`) &&
      announcements.every((one) => one.state === 'announced'),
    () => [watches.map(({ view }) => view), announcements.map(({ state }) => state)],
    10_000,
  );
  await registry.services();
}

test('a process has one connection, whatever it announces and follows', async () => {
  const server = await started(startRedis());
  await busy(open({ url: server.url }));
  const connections = await connectionsOf(server);
  expect(connections.map((line) => / sub=(\d+) .* resp=(\d)/.exec(line)?.slice(1))).toEqual([['3', '3']]);
});

test('where only RESP2 is spoken a process has two connections, one of which listens', async () => {
  const server = await started(startRedis());
  await busy(open({ connection: { host: '127.0.0.1', port: server.port, protocol: 2 } }));
  const connections = await connectionsOf(server);
  expect(connections.map((line) => / sub=(\d+) /.exec(line)?.[1]).toSorted()).toEqual(['0', '3']);
});

test('in a Cluster a process has one connection to each master that it needs, and one that listens', async () => {
  const cluster = await started(redisCluster(false));
  await busy(open({ cluster: { nodes: [{ host: '127.0.0.1', port: cluster.masters[0]?.port ?? 0 }] } }));
  const all = watched(() => Promise.all(cluster.masters.map(connectionsOf)));
  // Pings go to one master after the other, by chance.
  await eventually(() => all()?.flat().length === 4, all, 20_000);
  expect(
    all()
      ?.flat()
      .filter((line) => / sub=[1-9]/.test(line)),
  ).toHaveLength(1);
}, 60_000);

test('a client of ioredis 5 is followed as well, and stays untouched', async () => {
  const server = await started(startRedis(['--requirepass', 'right']));
  const url = `redis://:right@127.0.0.1:${server.port}/3`;
  const client = new Redis5(url, { lazyConnect: true, keyPrefix: 'app:', connectionName: 'app' });
  const old = open({ client });
  await busy(old);
  // Old and new understand each other.
  const watch = open({ url }).registry.watch('players', () => {});
  await eventually(() => ids(watch) === 'players-a');
  expect([client.status, client.options.keyPrefix, old.registry.name]).toEqual(['wait', 'app:', 'redis']);
  const admin = new Redis(url);
  const keys = (await admin.keys('*')).toSorted();
  admin.disconnect();
  expect(keys.filter((key) => !key.startsWith('mesh:v1:'))).toEqual([]);
  expect(keys).toContain('mesh:v1:default:services');
});

test('a database that Redis does not have is said, and no other one is used instead', async () => {
  const server = await started(startRedis());
  const { registry, scope } = open({ connection: { host: '127.0.0.1', port: server.port, db: 99 } });
  const watch = registry.watch('players', () => {});
  const announcement = registry.announce(instanceOf());
  await eventually(() => watch.view.state === 'stale' && announcement.state === 'retrying');
  const tries = watched(async () => Number(/received:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1]));
  await eventually(() => (tries() ?? 0) >= 3, tries);
  expect(watch.view.reason).toBe('ERR DB index is out of range');
  expect(scope.seen('registry').map(({ state, permanent }) => [state, permanent])).toEqual([['lost', true]]);
  expect((await server.command('DBSIZE')).trim()).toBe(':0');
});

test('F55: meshes with different namespaces on one Redis never see each other', async () => {
  const server = await started(startRedis());
  const [blue, green] = ['blue', 'green'].map((namespace) => open({ url: server.url, namespace }));
  if (blue === undefined || green === undefined) throw new Error('there are two');
  const [inBlue, inGreen] = [blue, green].map(({ registry }) => registry.watch('players', () => {}));
  if (inBlue === undefined || inGreen === undefined) throw new Error('there are two');
  await eventually(() => [inBlue, inGreen].every(({ view }) => view.state === 'current'));
  // The same id in both, one in each, and a service that only blue has.
  blue.registry.announce(instanceOf({ id: 'same', port: 1, generation: 9 }));
  const green9 = green.registry.announce(instanceOf({ id: 'same', port: 2, generation: 1 }));
  blue.registry.announce(instanceOf({ id: 'only-blue' }));
  green.registry.announce(instanceOf({ id: 'only-green' }));
  blue.registry.announce(instanceOf({ id: 't', service: 'teams' }));
  const portsOf = (watch: typeof inBlue) =>
    watch.view.instances
      .map(({ id, port }) => `${id}:${port}`)
      .toSorted()
      .join(' ');
  await eventually(
    () => portsOf(inBlue) === 'only-blue:8080 same:1' && portsOf(inGreen) === 'only-green:8080 same:2',
    () => [portsOf(inBlue), portsOf(inGreen)],
  );
  const services = watched(() => Promise.all([blue.registry.services(), green.registry.services()]));
  await eventually(
    () =>
      services()
        ?.map((names) => names.toSorted().join(' '))
        .join('; ') === 'players teams; players',
    services,
  );
  // What one side says is not even heard by the other.
  const { revision } = inGreen.view;
  await blue.registry.close();
  await server.command('PUBLISH', 'mesh:v1:{blue/players}:c', 'anything');
  green.registry.announce(instanceOf({ id: 'last' }));
  await eventually(() => inGreen.view.instances.length === 3);
  expect([inGreen.view.revision, green9.state]).toEqual([revision + 1, 'announced']);
});
