import { expect, test } from 'vitest';
import { type ConnectionOptions, resolveConnections } from '../../src/client/connection-options.ts';
import { EndpointPools } from '../../src/client/pools.ts';
import { TargetPools } from '../../src/client/target-pools.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { instanceOf } from '../discovery/setup.ts';

async function setup() {
  const all = new EndpointPools();
  await all.load();
  const target = (options: ConnectionOptions = {}, service = 'players') =>
    new TargetPools(all, {
      service,
      settings: resolveConnections('connections', options),
      random: seededRandom(1),
    });
  const nodeOf = (fields = {}) => ({ endpoint: instanceOf(fields), retired: false });
  return { all, target, nodeOf };
}

test('a pool is shared by all who send to its address, and closed when the last of them has let go', async () => {
  // Two clients see the same instance, one of them another of the same address too.
  const { all, target, nodeOf } = await setup();
  const [first, second] = [target(), target()];
  const [one, same, other] = [nodeOf(), nodeOf(), nodeOf({ id: 'other' })];
  const pool = first.of(one);
  expect([first.of(other), second.of(same)].every((of) => of === pool)).toBe(true);
  first.letGo(one);
  first.letGo(one);
  first.letGo(other);
  expect([pool.closed, second.of(same) === pool, all.size]).toEqual([false, true, 1]);
  second.letGo(same);
  expect([pool.closed, all.size]).toEqual([true, 0]);
  await all.close();
});

test('who comes back to an address gets another pool', async () => {
  const { all, target, nodeOf } = await setup();
  const players = target();
  const node = nodeOf();
  const before = players.of(node);
  players.letGo(node);
  const pool = players.of(node);
  expect([pool === before, pool.closed]).toEqual([false, false]);
  await all.close();
  expect(() => players.of(nodeOf({ port: 81 }))).toThrow(expect.objectContaining({ code: 'MESH_CLOSED' }));
});

test('who never sent anything lets go of nothing', async () => {
  const { all, target, nodeOf } = await setup();
  const pool = target().of(nodeOf());
  target().letGo(nodeOf());
  expect(pool.closed).toBe(false);
  await all.close();
});

test('an attempt that comes after its endpoint has left opens no pool, which nobody would close', async () => {
  const { all, target, nodeOf } = await setup();
  const players = target();
  const node = nodeOf();
  players.of(node);
  players.letGo(node);
  node.retired = true;
  expect(() => players.of(node)).toThrow(expect.objectContaining({ code: 'UND_ERR_CLOSED' }));
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
  const { all, target, nodeOf } = await setup();
  expect(target().of(nodeOf()) === target(options).of(nodeOf())).toBe(shared);
  await all.close();
});

test('over TLS services do not share the connections to an address: each has to be proved', async () => {
  const { all, target, nodeOf } = await setup();
  const [plain, secure] = [nodeOf(), nodeOf({ protocol: 'https' })];
  expect(target({}, 'players').of(plain)).toBe(target({}, 'teams').of(plain));
  expect(target({}, 'players').of(secure)).not.toBe(target({}, 'teams').of(secure));
  await all.close();
});
