import { setTimeout as delay } from 'node:timers/promises';
import { test as anyTest, expect, type TestContext } from 'vitest';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import type { ChurnPlan } from './fixtures/protocol.ts';
import { long, Stage, timing } from './stage.ts';

// What becomes of calls when instances misbehave while the registry is well.
const test = anyTest.skipIf(!ownRedis).concurrent;
const TEST_MS = 600_000;

async function ownServer({ onTestFinished }: TestContext): Promise<RedisServer> {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  return redis;
}

test('F59: while instances join and leave 200 times a second, no set is torn and no call fails, without retries', {
  timeout: TEST_MS,
}, async (context) => {
  const redis = await ownServer(context);
  const reach = { url: redis.url, ...timing };
  const stage = new Stage(context, reach);
  const churn = stage.start<true>('churn', { ...reach, joinsPerSecond: 100 } satisfies ChurnPlan);
  await stage.players(3);
  await stage.load({ retry: false });
  await churn.ready;
  await churn.ask('churn', { on: true });
  await delay(long ? 60_000 : 10_000);
  const changes = await churn.ask('churn', { on: false });
  const { endpoints } = await stage.until((report) => report.endpoints.length === stage.alive.length);
  expect(endpoints.map(({ id }) => id).toSorted()).toEqual(stage.alive.toSorted());
  const { served, views } = await stage.judge();
  expect(changes).toBeGreaterThanOrEqual(long ? 10_000 : 1_500);
  expect(served['churn']).toBeGreaterThan(0);
  // What a busy process hears at once it tells at once, so that there are fewer views than changes.
  expect(views).toBeGreaterThan(20);
});

test('F60: a server whose event loop is blocked for 8 s stays listed, and no call fails', {
  timeout: TEST_MS,
}, async (context) => {
  const redis = await ownServer(context);
  const stage = new Stage(context, { url: redis.url, beatMs: timing.beatMs });
  const [blocked] = await stage.players(1, 3);
  await stage.load({ attemptTimeoutMs: 3_000 });
  const everybody = stage.alive;
  // It cannot answer meanwhile, so that it is not usable; but the registry must go on listing it.
  await stage.expectAlive(everybody.filter((id) => !blocked?.ids.includes(id)));
  await blocked?.actor.ask('block', { ms: 8_000 });
  const suspected = new Set<string>();
  for (const startedAt = performance.now(); performance.now() - startedAt < 8_500; await delay(100)) {
    const { endpoints } = await stage.report();
    expect(endpoints.map(({ id }) => id).toSorted()).toEqual(everybody.toSorted());
    for (const { id, suspect } of endpoints) if (suspect) suspected.add(id);
    expect(await stage.listed(redis, everybody)).toBe(true);
  }
  expect([...suspected]).toEqual([]);
  await stage.until(({ endpoints }) => endpoints.every(({ health }) => health === 'up'));
  await stage.judge();
});

test('F61: an instance that stands still is listed, and yet out of use after its first timeouts; it is used again when it goes on', {
  timeout: TEST_MS,
}, async (context) => {
  const redis = await ownServer(context);
  const stage = new Stage(context, { url: redis.url, beatMs: timing.beatMs });
  const [frozen] = await stage.players(1, 3);
  await stage.load(
    long ? { attemptTimeoutMs: 3_000 } : { attemptTimeoutMs: 1_000, health: { restMs: 1_000, maxRestMs: 2_000 } },
  );
  const [id = ''] = frozen?.ids ?? [];
  await stage.expectAlive(stage.alive.filter((one) => one !== id));
  frozen?.actor.freeze();
  const stopped = await stage.until(({ endpoints }) => endpoints.some((one) => one.id === id && one.health !== 'up'));
  expect(stopped.takenOut[id]).toMatch(/failures in a row/);
  expect(await stage.listed(redis, [id])).toBe(true);
  await delay(long ? 15_000 : 4_000);
  const { served, retries } = await stage.report();
  expect(served[id]).toBeLessThanOrEqual((stopped.served[id] ?? 0) + 1);
  frozen?.actor.thaw();
  await stage.until((report) => (report.served[id] ?? 0) >= (served[id] ?? 0) + 100);
  expect(retries).toBeLessThan(200);
  await stage.judge();
});
