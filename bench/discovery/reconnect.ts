import { setTimeout as delay } from 'node:timers/promises';
import { Crowd } from './crowd.ts';
import type { Figure } from './figure.ts';
import { serviceOf } from './instance.ts';
import { sharedNow } from './orders.ts';
import { type MeasuredRedis, measuredRedis } from './redis.ts';

const PROCESSES = 4;
const SERVICES = 100;
const WINDOW_MS = 100;
/** What 1,000 clients may do in 100 ms. */
const BUDGET = 50;

/** How many clients come back at the same time when Redis was away, and when only their connections were cut. */
export async function reconnect(quick: boolean): Promise<readonly Figure[]> {
  const clients = quick ? 200 : 1_000;
  const redis = await measuredRedis();
  const crowd = await Crowd.open(redis.server.url, PROCESSES, clients / PROCESSES);
  try {
    const services = Array.from({ length: SERVICES }, (_, nth) => serviceOf(nth));
    await crowd.announce(Array.from({ length: clients }, (_, nth) => ({ service: serviceOf(nth % SERVICES), nth })));
    await crowd.watch(services);
    await delay(quick ? 0 : 5_000);
    const budget = (BUDGET * clients) / 1_000;
    const away = await afterOutage(redis, crowd, clients, quick ? 2_000 : 10_000);
    await delay(quick ? 2_000 : 10_000);
    const cut = await afterCut(redis, crowd, clients);
    return [
      ...rows(`Redis was away for ${quick ? 2 : 10} s`, away, clients, budget),
      ...rows('all were cut', cut, clients, budget),
    ];
  } finally {
    crowd.stop();
    await redis.close();
  }
}

interface Return {
  /** Connections begun in the worst 100 ms, while the server was away and after. */
  readonly begun: number;
  /** Connections made in the worst tenth of a second of the clock, as a server that counts every 100 ms sees them. */
  readonly made: number;
  /** Connections made in the worst 100 ms, wherever these begin. */
  readonly madeAnywhere: number;
  readonly allBackS: number;
}

async function afterOutage(redis: MeasuredRedis, crowd: Crowd, clients: number, awayMs: number): Promise<Return> {
  await crowd.connections();
  await redis.server.kill();
  await delay(awayMs);
  await redis.server.start();
  const backAt = sharedNow();
  await redis.again();
  return returned(redis, crowd, clients, backAt);
}

async function afterCut(redis: MeasuredRedis, crowd: Crowd, clients: number): Promise<Return> {
  await crowd.connections();
  const backAt = sharedNow();
  await redis.client.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').call('CLIENT', 'KILL', 'TYPE', 'normal').exec();
  return returned(redis, crowd, clients, backAt);
}

async function returned(redis: MeasuredRedis, crowd: Crowd, clients: number, backAt: number): Promise<Return> {
  while ((await redis.info('clients'))('connected_clients') < clients + 1) await delay(50);
  await delay(1_000);
  const { begun, made } = await crowd.connections();
  return {
    begun: peak(begun),
    made: sampled(made),
    madeAnywhere: peak(made),
    allBackS: (Math.max(...made) - backAt) / 1_000,
  };
}

/** The most moments that fall between two looks at the clock, 100 ms apart. */
function sampled(moments: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const moment of moments) {
    const window = Math.floor(moment / WINDOW_MS);
    counts.set(window, (counts.get(window) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** The most moments that fall into any 100 ms. */
function peak(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b);
  let first = 0;
  let most = 0;
  sorted.forEach((moment, i) => {
    while (moment - (sorted[first] ?? 0) >= WINDOW_MS) first++;
    most = Math.max(most, i - first + 1);
  });
  return most;
}

function rows(
  when: string,
  { begun, made, madeAnywhere, allBackS }: Return,
  clients: number,
  budget: number,
): Figure[] {
  const what = `of ${clients.toLocaleString('en')} clients, in the worst 100 ms after ${when}`;
  return [
    { name: `connections made ${what}`, value: made, unit: '', budget },
    { name: 'the same wherever the 100 ms begin', value: madeAnywhere, unit: '' },
    { name: 'connections begun, the refused ones too', value: begun, unit: '' },
    { name: 'all of them back after', value: allBackS, unit: 's' },
  ];
}
