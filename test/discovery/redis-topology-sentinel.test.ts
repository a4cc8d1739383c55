import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { test as anyTest, expect } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { redisPair } from '../support/redis-pair.ts';
import { redisProxy } from '../support/redis-proxy.ts';
import { ids, redisRegistries, states, threePlayers } from '../support/redis-registries.ts';
import { redisSentinels } from '../support/redis-sentinels.ts';
import { ownRedis, startRedis } from '../support/redis-server.ts';
import { eventually, instanceOf, watched } from './setup.ts';

const test = anyTest.skipIf(!ownRedis);
const { started, open } = redisRegistries();

/** A primary with a replica, and three Sentinels that watch it. */
async function setup() {
  const pair = await started(redisPair());
  // Sentinels are told of the replica by the primary, and so of its own port and not of that of the line.
  await pair.replica.command('REPLICAOF', '127.0.0.1', pair.primary.port);
  const sentinels = await started(redisSentinels(pair.primary.port, 1));
  return { pair, sentinels };
}

test('F10: Sentinels that fail over a primary that was killed are followed, and nobody loses an endpoint', async () => {
  const { pair, sentinels } = await setup();
  const connection = { sentinels: [...sentinels.places], name: 'mesh' };
  const owner = open({ connection });
  // As an application has it that uses Sentinels already.
  const client = new Redis({ ...connection, lazyConnect: true });
  const caller = open({ client });
  const { players, announcements } = await threePlayers(owner, caller);
  expect([owner.registry.name, client.status]).toEqual(['redis-sentinel:mesh', 'wait']);

  await pair.primary.kill();
  const primaries = watched(() => sentinels.primaries());
  await eventually(() => primaries()?.every((port) => port === pair.replica.port) ?? false, primaries, 20_000);
  await eventually(
    () => players.whole && announcements.every(({ state }) => state === 'announced'),
    () => [players.watch.view, states(owner), states(caller)],
    10_000,
  );
  owner.registry.announce(instanceOf({ id: 'd' }));
  await eventually(() => ids(players.watch) === 'a b c d');
  expect(players.fewest).toBe(3);
  expect(caller.scope.seen('view').flatMap(({ left }) => left)).toEqual([]);
  expect((await pair.replica.command('HLEN', 'mesh:v1:{default/players}:i')).trim()).toBe(':4');
}, 60_000);

test('F11: an owner whose master was demoted asks the Sentinels anew', async () => {
  const { pair, sentinels } = await setup();
  const connection = { sentinels: [...sentinels.places], name: 'mesh' };
  const { players, announcements } = await threePlayers(open({ connection }), open({ connection }));
  // By hand, and so without the cut of connections that Sentinels make.
  await sentinels.command('SENTINEL', 'REMOVE', 'mesh');
  await pair.promote();
  await sentinels.command('SENTINEL', 'MONITOR', 'mesh', '127.0.0.1', pair.replica.port, 2);
  await pair.primary.command('REPLICAOF', '127.0.0.1', pair.replica.port);

  const written = watched(() => pair.replica.command('ZSCORE', 'mesh:v1:{default/players}:l', 'a'));
  const before = await pair.replica.command('ZSCORE', 'mesh:v1:{default/players}:l', 'a');
  await eventually(
    () => (written() ?? before) > before && announcements.every(({ state }) => state === 'announced'),
    written,
  );
  expect([players.fewest, ids(players.watch)]).toEqual([3, 'a b c']);
}, 60_000);

test('F1: without any Sentinel a view is stale within milliseconds and says why; when they appear it heals', async () => {
  const server = await started(startRedis());
  const place = await started(redisProxy(await freePort()));
  const alone = open({ connection: { sentinels: [{ host: '127.0.0.1', port: place.port }], name: 'mesh' } });
  const watch = alone.registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'stale',
    () => watch.view,
    1_000,
  );
  expect(watch.view.reason).toMatch(/^All sentinels are unreachable/);
  const sentinels = await started(redisSentinels(server.port, 0));
  place.leadTo(sentinels.places[0]?.port ?? 0);
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
  expect(states(alone)).toBe('lost, connected');
}, 60_000);

test('F9: a Sentinel that stops answering is passed over', async () => {
  const server = await started(startRedis());
  const silent = await started(redisProxy(await freePort()));
  silent.stall();
  const sentinels = await started(redisSentinels(server.port, 0));
  silent.leadTo(sentinels.places[0]?.port ?? 0);
  const places = [{ host: '127.0.0.1', port: silent.port }, ...sentinels.places.slice(1)];
  const watch = open({ connection: { sentinels: places, name: 'mesh' } }).registry.watch('players', () => {});
  await eventually(
    () => watch.view.state === 'current',
    () => watch.view,
  );
}, 60_000);

test('a process whose Sentinels are absent ends after close, as soon as ioredis lets go of them', async () => {
  const script = `
    import { createRedisRegistry } from './src/discovery/redis/redis-registry.ts';
    import { createScope, eventually, instanceOf } from './test/discovery/setup.ts';
    const connection = { sentinels: [{ host: '127.0.0.1', port: ${await freePort()} }], name: 'mesh' };
    const registry = createRedisRegistry('registry', { connection })(createScope());
    const watch = registry.watch('players', () => {});
    registry.announce(instanceOf());
    await eventually(() => watch.view.state === 'stale');
    await registry.close();
    const closedAt = performance.now();
    process.on('exit', () => process.stdout.write(String(performance.now() - closedAt)));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect(stdout).not.toBe('');
  // It holds a timer of 2 s for each that it asked in vain.
  expect(Number(stdout)).toBeLessThan(3_000);
});
