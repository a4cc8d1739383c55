import { setTimeout as delay } from 'node:timers/promises';
import { Crowd } from './crowd.ts';
import type { Figure } from './figure.ts';
import { serviceOf } from './instance.ts';
import { type MeasuredRedis, measuredRedis } from './redis.ts';

const SERVICES = 1_000;
const INSTANCES = 10_000;
const PROCESSES = 4;
/** Connections that are measured in place of 10,000. */
const CONNECTIONS = 500;

/** What it costs Redis that 10,000 instances say every 10 s that they live; and what their connections cost beside. */
export async function beating(quick: boolean): Promise<readonly Figure[]> {
  return [
    ...(await beats(quick ? 1_000 : INSTANCES, quick ? 3_000 : 30_000)),
    ...(await connections(quick ? 2_000 : 10_000)),
  ];
}

async function beats(instances: number, forMs: number): Promise<Figure[]> {
  const redis = await measuredRedis();
  const crowd = await Crowd.open(redis.server.url, PROCESSES, 1);
  try {
    const before = await redis.info('memory');
    await crowd.announce(Array.from({ length: instances }, (_, nth) => ({ service: serviceOf(nth % SERVICES), nth })));
    await delay(5_000); // what registering left to do
    const share = await coreShare(redis, forMs);
    const after = await redis.info('memory');
    const grown = (name: string) => (after(name) - before(name)) / 1e6;
    const what = `${instances.toLocaleString('en')} instances beating`;
    return [
      { name: `Redis of one core, ${what} over ${PROCESSES} connections`, value: share, unit: '%', budget: 5 },
      { name: 'memory of Redis over an empty one', value: grown('used_memory'), unit: 'MB', budget: 12 },
      { name: 'of that data', value: grown('used_memory_dataset'), unit: 'MB' },
    ];
  } finally {
    crowd.stop();
    await redis.close();
  }
}

/** Connections that do nothing but ask every 0.9 s whether Redis is there; scaled to as many as there are instances. */
async function connections(forMs: number): Promise<Figure[]> {
  const redis = await measuredRedis();
  const empty = (await redis.info('memory'))('used_memory');
  const idle = await coreShare(redis, forMs / 5);
  const crowd = await Crowd.open(redis.server.url, PROCESSES, CONNECTIONS / PROCESSES);
  try {
    await delay(2_000);
    const share = (await coreShare(redis, forMs)) - idle;
    const grown = (await redis.info('memory'))('used_memory') - empty;
    const scale = INSTANCES / CONNECTIONS;
    return [
      { name: `Redis of one core, pings of ${CONNECTIONS} connections`, value: share, unit: '%' },
      { name: 'the same scaled to 10,000 processes, not measured', value: share * scale, unit: '%' },
      { name: 'memory of 10,000 connections, scaled the same way', value: (grown * scale) / 1e6, unit: 'MB' },
    ];
  } finally {
    crowd.stop();
    await redis.close();
  }
}

async function coreShare(redis: MeasuredRedis, forMs: number): Promise<number> {
  const startedAt = performance.now();
  const before = await redis.cpuSeconds();
  await delay(forMs);
  const used = (await redis.cpuSeconds()) - before;
  return (100 * used) / ((performance.now() - startedAt) / 1_000);
}
