import { expect, test } from 'vitest';
import { EndpointPools } from '../../src/client/pools.ts';
import { instanceOf } from '../discovery/setup.ts';

async function setup() {
  const pools = new EndpointPools();
  await pools.load();
  // Two clients see the same instance, a third sees another of the same address.
  const instance = instanceOf();
  const nodeOf = (endpoint = instance) => ({ endpoint, retired: false });
  return { pools, nodeOf, first: nodeOf(), second: nodeOf(), third: nodeOf(instanceOf({ id: 'other' })) };
}

test('a pool is shared by all who send to its address, and closed when the last of them has let go', async () => {
  const { pools, first, second, third } = await setup();
  const pool = pools.of(first);
  expect([pools.of(second) === pool, pools.of(third) === pool]).toEqual([true, true]);
  pools.letGo(first);
  pools.letGo(first);
  pools.letGo(third);
  expect([pool.closed, pools.of(second) === pool, pools.size]).toEqual([false, true, 1]);
  pools.letGo(second);
  expect([pool.closed, pools.size]).toEqual([true, 0]);
  await pools.close();
});

test('who comes back to an address gets another pool', async () => {
  const { pools, first, nodeOf } = await setup();
  const before = pools.of(first);
  pools.letGo(first);
  const pool = pools.of(first);
  expect([pool === before, pool.closed]).toEqual([false, false]);
  await pools.close();
  expect(() => pools.of(nodeOf(instanceOf({ port: 81 })))).toThrow(expect.objectContaining({ code: 'MESH_CLOSED' }));
});

test('who never sent anything lets go of nothing', async () => {
  const { pools, first, second } = await setup();
  const pool = pools.of(first);
  pools.letGo(second);
  expect(pool.closed).toBe(false);
  await pools.close();
});

test('the last attempt of a node that is retired keeps no pool open for it', async () => {
  const { pools, first, second } = await setup();
  const pool = pools.of(first);
  expect(pools.of({ ...second, retired: true })).toBe(pool);
  pools.letGo(first);
  expect(pool.closed).toBe(true);
  await pools.close();
});
