import { setTimeout as delay } from 'node:timers/promises';
import { test as anyTest, expect, type TestContext } from 'vitest';
import { ownRedis, type RedisServer, startRedis } from '../support/redis-server.ts';
import { KEY, long, Stage, timing } from './stage.ts';
import { tcpSwitch } from './tcp-switch.ts';

// What becomes of calls when the registry fails. Each test has a Redis, instances and a caller of its own; they run side by side, because
// most of their time is waiting.
const test = anyTest.skipIf(!ownRedis).concurrent;
const TEST_MS = 600_000;

async function ownServer({ onTestFinished }: TestContext, args: readonly string[] = []): Promise<RedisServer> {
  const redis = await startRedis(args);
  onTestFinished(() => redis.close());
  return redis;
}

test('F6: FLUSHALL again and again fails no call', { timeout: TEST_MS }, async (context) => {
  const redis = await ownServer(context);
  const stage = new Stage(context, { url: redis.url, ...timing });
  await stage.players(4);
  await stage.load();
  for (let round = 0; round < 5; round++) {
    await redis.command('FLUSHALL');
    await stage.listedAgain(redis);
    await delay(timing.beatMs / 2);
  }
  await stage.judge();
});

test('F4, F5: Redis is away while two instances die, and returns empty: no call fails, the living stay, the dead go', {
  timeout: TEST_MS,
}, async (context) => {
  const redis = await ownServer(context);
  const stage = new Stage(context, { url: redis.url, ...timing });
  const [, doomed] = await stage.players(3, 2);
  await stage.load();
  const downMs = long ? 60_000 : 8_000;
  await redis.kill();
  await delay(downMs / 4);
  if (doomed !== undefined) await stage.kill(doomed);
  await delay((3 * downMs) / 4);
  await redis.start();
  await stage.listedAgain(redis);
  const dead = doomed?.ids ?? [];
  await stage.until(({ endpoints }) => !endpoints.some(({ id }) => dead.includes(id)));
  await stage.judge();
});

test('F10: a failover that loses writes fails no call, and owners are listed again', {
  timeout: TEST_MS,
}, async (context) => {
  const primary = await ownServer(context);
  const replica = await ownServer(context);
  const replication = await tcpSwitch(primary.port);
  const front = await tcpSwitch(primary.port);
  context.onTestFinished(async () => {
    await Promise.all([replication.close(), front.close()]);
  });
  const stage = new Stage(context, { url: `redis://127.0.0.1:${front.port}`, ...timing });
  await replica.command('REPLICAOF', '127.0.0.1', replication.port);
  await stage.players(2);
  await copied(replica);
  replication.stall();
  await stage.players(2);
  await stage.load();
  await primary.kill();
  expect(await replica.command('HLEN', `${KEY}i`), 'records that were not lost').toBe(':2\r\n');
  await replica.command('REPLICAOF', 'NO', 'ONE');
  front.to(replica.port);
  await stage.listedAgain(replica);
  await stage.judge();
});

/** Waits until a replica has what its primary had. */
async function copied(replica: RedisServer): Promise<void> {
  while (!(await replica.command('INFO', 'replication')).includes('master_link_status:up')) await delay(20);
  await delay(1_000);
}

test('F9: a Redis that stands still for 10 s fails no call', { timeout: TEST_MS }, async (context) => {
  const redis = await ownServer(context);
  const stage = new Stage(context, { url: redis.url, ...timing });
  await stage.players(4);
  await stage.load();
  redis.freeze();
  await delay(10_000);
  redis.thaw();
  await stage.listedAgain(redis);
  await stage.judge();
});
