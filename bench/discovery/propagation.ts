import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../figures.ts';
import { Crowd } from './crowd.ts';
import type { Figure } from './figure.ts';
import { measuredRedis } from './redis.ts';

const FOREIGN_KEYS = 1_000_000;
/** Long enough that a follower on a busy machine does not hear of a join and its leave at once, and has nothing to tell. */
const PAUSE_MS = 25;
/** While it is filled Redis answers nobody; then everybody comes back. */
const SETTLE_MS = 5_000;

/** How long it takes until a join or leave in one process is seen in another; again in a Redis full of other things. */
export async function propagation(quick: boolean): Promise<readonly Figure[]> {
  const redis = await measuredRedis();
  const owner = await Crowd.open(redis.server.url, 1, 1);
  const follower = await Crowd.open(redis.server.url, 1, 1);
  try {
    await owner.announce(Array.from({ length: 10 }, (_, nth) => ({ service: 'players', nth })));
    await follower.watch(['players']);
    await measure(owner, follower, 20); // compiles what runs
    const alone = await measure(owner, follower, quick ? 50 : 400);
    await redis.client.call('DEBUG', 'POPULATE', FOREIGN_KEYS, 'foreign', 16);
    await delay(SETTLE_MS);
    await follower.knows(1, 10);
    const crowded = await measure(owner, follower, quick ? 50 : 200);
    return [...rows('', alone), ...rows(' beside 1,000,000 foreign keys', crowded)];
  } finally {
    owner.stop();
    follower.stop();
    await redis.close();
  }
}

interface Delays {
  readonly join: readonly number[];
  readonly leave: readonly number[];
}

async function measure(owner: Crowd, follower: Crowd, count: number): Promise<Delays> {
  const moves = await owner.move('players', count, PAUSE_MS);
  const seen = new Map((await follower.seen()).map(({ id, op, at }) => [`${op} ${id}`, at]));
  const delays = (wanted: string) =>
    moves
      .filter(({ op }) => op === wanted)
      .map(({ id, op, at }) => (seen.get(`${op} ${id}`) ?? Number.POSITIVE_INFINITY) - at);
  return { join: delays('join'), leave: delays('leave') };
}

function rows(where: string, { join, leave }: Delays): Figure[] {
  const row = (what: string, samples: readonly number[], ratio: number, budget: number): Figure => ({
    name: `${what} seen by another process${where}, p${ratio * 100}`,
    value: quantile(samples, ratio),
    unit: 'ms',
    budget,
  });
  return [
    row('join', join, 0.5, 5),
    row('join', join, 0.99, 50),
    row('leave', leave, 0.5, 5),
    row('leave', leave, 0.99, 50),
  ];
}
