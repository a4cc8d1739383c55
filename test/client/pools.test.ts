import { expect, test } from 'vitest';
import { EndpointPools } from '../../src/client/pools.ts';
import { instanceOf } from '../discovery/setup.ts';

async function setup() {
  const pools = new EndpointPools();
  await pools.load();
  // Two clients see the same instance, a third sees another of the same address.
  const instance = instanceOf();
  const [first, second] = [{ endpoint: instance }, { endpoint: instance }];
  return { pools, instance, first, second, third: { endpoint: instanceOf({ id: 'other' }) } };
}

test('a pool is shared by all who send to its address, and closed when the last of them has let go', async () => {
  const { pools, instance, first, second, third } = await setup();
  for (const node of [first, second, third]) pools.hold(node);
  const pool = pools.of(instance);
  expect(pools.of(third.endpoint)).toBe(pool);
  pools.letGo(first);
  pools.letGo(first);
  pools.letGo(third);
  expect([pool.closed, pools.of(instance) === pool, pools.size]).toEqual([false, true, 1]);
  pools.letGo(second);
  expect([pool.closed, pools.size]).toEqual([true, 0]);
  await pools.close();
});

test('who comes back to an address gets another pool', async () => {
  const { pools, instance, first } = await setup();
  pools.hold(first);
  const before = pools.of(instance);
  pools.letGo(first);
  pools.hold(first);
  const pool = pools.of(instance);
  expect([pool === before, pool.closed]).toEqual([false, false]);
  await pools.close();
  expect(() => pools.of(instanceOf({ port: 81 }))).toThrow(expect.objectContaining({ code: 'MESH_CLOSED' }));
});

test('who never sent anything lets go of nothing', async () => {
  const { pools, instance, first, second } = await setup();
  pools.hold(first);
  const pool = pools.of(instance);
  pools.letGo(second);
  expect(pool.closed).toBe(false);
  await pools.close();
});
