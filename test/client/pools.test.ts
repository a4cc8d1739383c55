import { expect, test } from 'vitest';
import { type ConnectionOptions, resolveConnections } from '../../src/client/connection-options.ts';
import { EndpointPools } from '../../src/client/pools.ts';
import { TargetPools } from '../../src/client/target-pools.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { instanceOf } from '../discovery/setup.ts';

async function setup() {
  const all = new EndpointPools();
  await all.load();
  const gone = new Set<Endpoint>();
  const target = (options: ConnectionOptions = {}, service = 'players') =>
    new TargetPools(all, {
      service,
      settings: resolveConnections('connections', options),
      calls: (endpoint) => !gone.has(endpoint),
      random: seededRandom(1),
    });
  return { all, target, gone, instance: instanceOf(), other: instanceOf({ id: 'other' }) };
}

test('a pool is shared by all who send to its address, and closed when the last of them has let go', async () => {
  // Two clients see the same instance, one of them another of the same address too.
  const { all, target, instance, other } = await setup();
  const [first, second] = [target(), target()];
  const pool = first.of(instance);
  expect([first.of(other), second.of(instance)].every((one) => one === pool)).toBe(true);
  first.letGo(instance);
  first.letGo(instance);
  first.letGo(other);
  expect([pool.closed, second.of(instance) === pool, all.size]).toEqual([false, true, 1]);
  second.letGo(instance);
  expect([pool.closed, all.size]).toEqual([true, 0]);
  await all.close();
});

test('who comes back to an address gets another pool', async () => {
  const { all, target, instance } = await setup();
  const players = target();
  const before = players.of(instance);
  players.letGo(instance);
  const pool = players.of(instance);
  expect([pool === before, pool.closed]).toEqual([false, false]);
  await all.close();
  expect(() => players.of(instanceOf({ port: 81 }))).toThrow(expect.objectContaining({ code: 'MESH_CLOSED' }));
});

test('who never sent anything lets go of nothing', async () => {
  const { all, target, instance } = await setup();
  const pool = target().of(instance);
  target().letGo(instance);
  expect(pool.closed).toBe(false);
  await all.close();
});

test('an attempt that comes after its endpoint has left opens no pool, which nobody would close', async () => {
  const { all, target, gone, instance } = await setup();
  const players = target();
  players.of(instance);
  gone.add(instance);
  players.letGo(instance);
  expect(() => players.of(instance)).toThrow(expect.objectContaining({ code: 'UND_ERR_CLOSED' }));
  expect(all.size).toBe(0);
  await all.close();
});

test.each<[string, ConnectionOptions, boolean]>([
  ['the same', {}, true],
  ['the same, said', { max: 1_024, idleMs: 4_000, http: 1, warm: false }, true],
  ['how many are warmed', { warm: 10 }, true],
  ['how many streams HTTP/2 would have', { streams: 5 }, true],
  ['how many there may be', { max: 5 }, false],
  ['how long they are kept', { idleMs: 5 }, false],
  ['how old they get', { maxAgeMs: false }, false],
  ['the version of HTTP', { http: 2 }, false],
])('clients that differ in %s share the connections to an address or do not', async (_what, options, shared) => {
  const { all, target, instance } = await setup();
  expect(target().of(instance) === target(options).of(instance)).toBe(shared);
  await all.close();
});

test('over TLS services do not share the connections to an address: each has to be proved', async () => {
  const { all, target, instance } = await setup();
  const secure = instanceOf({ protocol: 'https' });
  expect(target({}, 'players').of(instance)).toBe(target({}, 'teams').of(instance));
  expect(target({}, 'players').of(secure)).not.toBe(target({}, 'teams').of(secure));
  await all.close();
});
