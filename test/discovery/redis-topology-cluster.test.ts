import { Cluster } from 'ioredis';
import { test as anyTest, expect } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { type RedisClusterServers, redisCluster } from '../support/redis-cluster.ts';
import { redisProxy } from '../support/redis-proxy.ts';
import { ids, redisRegistries, states } from '../support/redis-registries.ts';
import { ownRedis } from '../support/redis-server.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

const nodesOf = ({ masters }: RedisClusterServers) => masters.map(({ port }) => ({ host: '127.0.0.1', port }));

/** A service for each master, whose keys that master keeps. */
async function servicesOf(cluster: RedisClusterServers): Promise<string[]> {
  const services: string[] = [];
  for (let i = 0; services.filter(Boolean).length < cluster.masters.length; i++) {
    const service = `service-${i}`;
    services[await cluster.keeperOf(`mesh:v1:{default/${service}}:i`)] ??= service;
  }
  return services;
}

test('a Cluster of three is followed: a service has one node, three services have three, and the index is whole', async () => {
  const cluster = await started(redisCluster(false));
  const services = await servicesOf(cluster);
  const keepers = new Set<number>();
  for (const key of 'ilhr') keepers.add(await cluster.keeperOf(`mesh:v1:{default/${services[1]}}:${key}`));
  expect([...keepers]).toEqual([1]);

  const owner = open({ cluster: { nodes: nodesOf(cluster).slice(0, 1) } });
  const client = new Cluster(nodesOf(cluster), { lazyConnect: true });
  const caller = open({ client });
  expect(owner.registry.name).toBe(`redis-cluster:127.0.0.1:${cluster.masters[0]?.port}`);
  const watches = services.map((service) => caller.registry.watch(service, () => {}));
  await eventually(
    () => watches.every(({ view }) => view.state === 'current'),
    () => watches.map(({ view }) => view),
    10_000,
  );
  // They are told, wherever the caller listens: it will not look again within 24 s.
  const announcements = services.map((service) => owner.registry.announce(instanceOf({ service, id: `${service}-a` })));
  await eventually(
    () => watches.every((watch, i) => ids(watch) === `${services[i]}-a`),
    () => watches.map(ids),
  );
  const known = watched(() => caller.registry.services());
  await eventually(() => known()?.toSorted().join() === services.toSorted().join(), known);
  await announcements[2]?.leave();
  await eventually(() => watches.map(ids).join() === `${services[0]}-a,${services[1]}-a,`);
  expect(client.status).toBe('wait');
}, 60_000);

test('F1: without any node of its Cluster a view is stale within a second and says why; when they appear it heals', async () => {
  const place = await started(redisProxy(await freePort()));
  const alone = open({ cluster: { nodes: [{ host: '127.0.0.1', port: place.port }] } });
  const watch = alone.registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
    2_000,
  );
  expect(watch.view.reason).not.toBe('');
  const cluster = await started(redisCluster(false));
  place.leadTo(cluster.masters[0]?.port ?? 0);
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
    10_000,
  );
  expect(states(alone)).toBe('lost, connected');
}, 60_000);

test('F10: a node of a Cluster that dies is followed by its replica; what others keep goes on, and nobody loses an endpoint', async () => {
  const cluster = await started(redisCluster(true));
  const services = await servicesOf(cluster);
  const place = { cluster: { nodes: nodesOf(cluster) }, leaseMs: 30_000, beatMs: 200 };
  const owner = open(place);
  const caller = open(place);
  const fewest = new Map<string, number>();
  const watches = services.map((service) =>
    caller.registry.watch(service, ({ instances }) => {
      if (fewest.has(service) || instances.length === 1)
        fewest.set(service, Math.min(fewest.get(service) ?? 1, instances.length));
    }),
  );
  const announcements = services.map((service) => owner.registry.announce(instanceOf({ service, id: `${service}-a` })));
  await eventually(
    () => fewest.size === 3 && watches.every(({ view }) => view.state === 'current'),
    () => watches.map(ids),
    10_000,
  );

  const [doomed] = cluster.masters;
  await doomed?.kill();
  // The Cluster votes, and until then serves nobody: it has slots that nobody keeps.
  const state = watched(() => Promise.resolve(cluster.replica?.command('CLUSTER', 'INFO')));
  await eventually(() => /cluster_state:ok[\s\S]*cluster_slots_ok:16384/.test(state() ?? ''), state, 20_000);
  await eventually(
    () =>
      announcements.every((one) => one.state === 'announced') && watches.every(({ view }) => view.state === 'current'),
    () => [announcements.map((one) => one.state), watches.map(({ view }) => view)],
    15_000,
  );
  const more = services.map((service) => owner.registry.announce(instanceOf({ service, id: `${service}-b` })));
  await eventually(
    () => watches.every(({ view }) => view.instances.length === 2) && more.every((one) => one.state === 'announced'),
    () => watches.map(({ view }) => view),
    10_000,
  );
  expect([...fewest.values()]).toEqual([1, 1, 1]);
}, 60_000);

test('F10: a node of a Cluster that dies for good takes only its own services out of reach, and they keep their endpoints', async () => {
  const cluster = await started(redisCluster(false, ['--cluster-require-full-coverage', 'no']));
  const services = await servicesOf(cluster);
  const place = { cluster: { nodes: nodesOf(cluster) }, leaseMs: 30_000 };
  const owner = open(place);
  const caller = open(place);
  const watches = services.map((service) => caller.registry.watch(service, () => {}));
  for (const service of services) owner.registry.announce(instanceOf({ service, id: `${service}-a` }));
  const seen = () => watches.map((watch) => `${ids(watch)} ${watch.view.state}`);
  await eventually(() => seen().every((one, i) => one === `${services[i]}-a current`), seen, 10_000);

  await cluster.masters[0]?.kill();
  // What the other nodes keep is written and told as before.
  await eventually(() => watches[1]?.view.state === 'current' && watches[2]?.view.state === 'current', seen, 15_000);
  for (const service of services.slice(1)) owner.registry.announce(instanceOf({ service, id: `${service}-b` }));
  await eventually(() => watches.slice(1).every(({ view }) => view.instances.length === 2), seen, 15_000);
  expect(watches.map(ids)[0]).toBe(`${services[0]}-a`);
}, 60_000);

test.each(['freeze', 'kill'] as const)(
  'F9, F21: when the node of a Cluster that is listened to stops (%s), what the others tell arrives within seconds',
  async (stop) => {
    const cluster = await started(redisCluster(false, ['--cluster-require-full-coverage', 'no']));
    const services = await servicesOf(cluster);
    const place = { cluster: { nodes: nodesOf(cluster) }, leaseMs: 30_000 };
    const caller = open(place);
    const owner = open(place);
    const watches = services.map((service) => caller.registry.watch(service, () => {}));
    const seen = () => watches.map(({ view }) => [view.state, view.instances.length]);
    await eventually(() => watches.every(({ view }) => view.state === 'current'), seen, 10_000);
    const lists = await Promise.all(cluster.masters.map((master) => master.command('CLIENT', 'LIST')));
    const heard = lists.findIndex((list) => / sub=[1-9]/.test(list));
    await cluster.masters[heard]?.[stop]();
    // A look of its own is 24 s away, so it is a message that brings it, or the look that comes with a new listener.
    const [other, another] = [(heard + 1) % 3, (heard + 2) % 3];
    for (const [i, id] of [[other, 'a'] as const, [another, 'a'] as const, [other, 'b'] as const]) {
      const before = watches[i]?.view.instances.length ?? 0;
      owner.registry.announce(instanceOf({ service: services[i] ?? '', id }));
      await eventually(() => watches[i]?.view.instances.length === before + 1, seen, 10_000);
    }
    cluster.masters[heard]?.thaw();
  },
  60_000,
);
