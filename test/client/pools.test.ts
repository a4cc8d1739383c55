import { afterEach, expect, test } from 'vitest';
import { type ConnectionOptions, resolveConnections } from '../../src/client/connection-options.ts';
import { poolOptions } from '../../src/client/pool-options.ts';
import { EndpointPools } from '../../src/client/pools.ts';
import { TargetPools } from '../../src/client/target-pools.ts';
import type { Random } from '../../src/core/random.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { instanceOf, looked } from '../discovery/setup.ts';
import { reply, serve } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll } from './setup.ts';

afterEach(closeAll);

async function setup(random?: Random) {
  const all = new EndpointPools({ random });
  await all.load();
  const target = (options: ConnectionOptions = {}, service = 'players') =>
    new TargetPools(all, {
      service,
      settings: resolveConnections('connections', options),
      random: seededRandom(1),
      called: () => [],
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

test('connections that were made together do not end together: each draws its own age', async () => {
  // More than can be drawn takes the second all of its age.
  const draws = [0, 6];
  const { all, target, nodeOf } = await setup(() => draws.shift() ?? 0);
  const server = await serve(reply(200));
  const pool = target().of(nodeOf({ host: '127.0.0.1', port: Number(new URL(server.url).port) }));
  const get = async () => {
    const { body } = await pool.request({ method: 'GET', path: '/' });
    await body.dump();
  };
  const made: number[] = [];
  for (let round = 0; round < 3; round++) {
    await Promise.all([get(), get()]);
    await looked();
    made.push(server.connections());
  }
  expect(made).toEqual([2, 3, 3]);
  expect(server.open()).toBe(2);
  await all.close();
});

test('F89: a thousand endpoints that come, are called and leave take no pool and no connection with them', async () => {
  const { all, target, nodeOf } = await setup();
  const server = await serve(reply(200, 'ok', { 'keep-alive': 'timeout=600' }));
  const [players, teams] = [target(), target()];
  const fields = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
  for (let i = 0; i < 1_000; i++) {
    const [one, same] = [nodeOf({ ...fields, id: `p-${i}` }), nodeOf({ ...fields, id: `p-${i}` })];
    const { body } = await players.of(one).request({ method: 'GET', path: '/' });
    await body.dump();
    expect(teams.of(same)).toBe(players.of(one));
    for (const node of [one, same]) Object.assign(node, { retired: true });
    players.letGo(one);
    teams.letGo(same);
  }
  expect([all.size, server.connections()]).toEqual([0, 1_000]);
  await until(() => server.open() === 0);
  await all.close();
});

test('what a server says of how long it keeps a connection is not believed beyond ten minutes', () => {
  const kept = (maxAgeMs: number | false) =>
    poolOptions(resolveConnections('connections', { maxAgeMs }), 'http').keepAliveMaxTimeout;
  expect([kept(false), kept(86_400_000), kept(60_000)]).toEqual([600_000, 600_000, 60_000]);
});
