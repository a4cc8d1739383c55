import { expect } from 'vitest';
import { redisCommands } from '../support/redis-commands.ts';
import { startRedis } from '../support/redis-server.ts';
import { commandCounts, follow, ids, KEY, setup, test } from './redis-setup.ts';
import { eventually, instanceOf, watched } from './setup.ts';

/** Everything a mesh does with Redis, once: announce, follow, be told, beat, reap, fence, list, lose and find again, leave. */
async function wholeLife(before: (server: Awaited<ReturnType<typeof startRedis>>) => Promise<unknown>) {
  const server = await startRedis();
  await before(server);
  await server.command('CONFIG', 'RESETSTAT');
  const { open } = setup(server);
  const owner = open();
  const caller = open();
  const players = follow(caller.registry, 2);
  const a = owner.registry.announce(instanceOf({ id: 'a', generation: 2 }));
  owner.registry.announce(instanceOf({ id: 'b' }));
  await eventually(() => players.whole);
  await server.command('HSET', `${KEY}i`, 'dead', '1|{}');
  await server.command('ZADD', `${KEY}l`, 1, 'dead');
  const count = watched(async () => (await server.command('HLEN', `${KEY}i`)).trim());
  await eventually(() => count() === ':2');
  const older = open().registry.announce(instanceOf({ id: 'a', generation: 1 }));
  await eventually(() => older.state === 'fenced');
  await server.command('DEL', `${KEY}i`, `${KEY}l`, `${KEY}h`);
  await eventually(() => count() === ':2');
  const services = watched(() => caller.registry.services());
  await eventually(() => services()?.join() === 'players');
  await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await eventually(() => players.watch.view.state === 'stale');
  await eventually(() => players.whole);
  return { server, players, a };
}

/** What a test asks itself. */
const OURS = /^(del|hlen|config\|resetstat|client\|kill|debug)$/;

test('F29: no command that blocks, and none that walks through all keys, is ever sent', async () => {
  const { server, players, a } = await wholeLife(async () => {});
  await a.leave();
  await eventually(() => ids(players.watch) === 'b');
  players.watch.close();
  const pinged = watched(async () => (await commandCounts(server)).has('ping'));
  await eventually(() => pinged() === true);
  const used = [...(await commandCounts(server)).keys()].filter((name) => !OURS.test(name));
  expect(used.filter((name) => !redisCommands.includes(name))).toEqual([]);
  for (const name of ['evalsha', 'subscribe', 'unsubscribe', 'publish', 'zrange', 'ping']) expect(used).toContain(name);
});

test('F31: a hundred thousand keys of others are not looked at', async () => {
  const { server, players } = await wholeLife((one) => one.command('DEBUG', 'POPULATE', 100_000, 'foreign'));
  const counts = await commandCounts(server);
  expect([...counts.keys()].filter((name) => /scan|keys|randomkey/.test(name))).toEqual([]);
  expect(ids(players.watch)).toBe('a b');
  expect(await server.command('DBSIZE')).toMatch(/^:10000[0-9]/);
});

test('F32: only the key of a reaper expires', async () => {
  const { server } = await wholeLife(async () => {});
  const keys = (await server.command('KEYS', 'mesh:*')).match(/^mesh:.*(?=\r)/gm) ?? [];
  expect(keys.toSorted()).toEqual(
    expect.arrayContaining([`${KEY}h`, `${KEY}i`, `${KEY}l`, 'mesh:v1:default:services']),
  );
  for (const key of keys) {
    const left = Number((await server.command('PTTL', key)).slice(1));
    // A reaper's key may end while it is looked at.
    if (key.endsWith(':r')) expect(left).not.toBe(-1);
    else expect([key, left]).toEqual([key, -1]);
  }
});

test('what the owners of one process send at the same moment wakes Redis up once, and not once for each', async () => {
  const server = await startRedis();
  const { open } = setup(server);
  const calm = open({ beatMs: 60_000, leaseMs: 120_000 });
  const first = calm.registry.announce(instanceOf({ id: 'first' }));
  await eventually(() => first.state === 'announced');
  const reads = async () => Number(/total_reads_processed:(\d+)/.exec(await server.command('INFO', 'stats'))?.[1]);
  const before = await reads();
  const all = Array.from({ length: 100 }, (_, i) => calm.registry.announce(instanceOf({ id: `o${i}` })));
  await eventually(() => all.every(({ state }) => state === 'announced'));
  // Each registers, and puts its service into the index: 200 commands.
  expect((await reads()) - before).toBeLessThan(40);
});
