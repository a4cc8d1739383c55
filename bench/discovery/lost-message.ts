import { setTimeout as delay } from 'node:timers/promises';
import { serialiseRecord } from '../../src/discovery/record.ts';
import { serviceKeys } from '../../src/discovery/redis/keys.ts';
import { leave, register } from '../../src/discovery/redis/scripts.ts';
import { Crowd } from './crowd.ts';
import type { Figure } from './figure.ts';
import { instanceOf } from './instance.ts';
import { sharedNow } from './orders.ts';
import { measuredRedis } from './redis.ts';

const FOLLOWERS = 40;
const LEASE_MS = 600_000;
/** A follower that has heard nothing asks after 36 s at the latest. */
const WAIT_MS = 40_000;

/** How long it takes until a join or a leave is seen whose message nobody got: written as owners write it, but told on a channel without listeners. */
export async function lostMessage(quick: boolean): Promise<readonly Figure[]> {
  if (quick) return [];
  const redis = await measuredRedis();
  const keys = serviceKeys('default', 'players');
  const names = [keys.instances, keys.leases, keys.head];
  const join = (nth: number, channel: string) => {
    const instance = instanceOf('players', nth);
    const { id, generation } = instance;
    return redis.client.eval(
      register.lua,
      3,
      ...names,
      id,
      generation,
      LEASE_MS,
      serialiseRecord(instance),
      'epoch',
      channel,
    );
  };
  for (let nth = 0; nth < 10; nth++) await join(nth, keys.channel);
  const followers = await Crowd.open(redis.server.url, 1, FOLLOWERS);
  try {
    await followers.watch(['players']);
    await delay(500); // right after they asked: the longest that they do not ask
    const at = sharedNow();
    await join(10, 'nobody');
    const { id, generation } = instanceOf('players', 3);
    await redis.client.eval(leave.lua, 3, ...names, id, generation, 'epoch', 'nobody');
    await delay(WAIT_MS);
    const seen = await followers.seen();
    const longest = (wanted: readonly string[]) => {
      const moments = seen.filter(({ op }) => wanted.includes(op)).map((one) => one.at - at);
      return moments.length < FOLLOWERS ? Number.POSITIVE_INFINITY : Math.max(...moments) / 1_000;
    };
    return [
      {
        name: `join seen though its message was lost, the last of ${FOLLOWERS}`,
        value: longest(['join']),
        unit: 's',
        budget: 40,
      },
      {
        name: 'leave seen though its message was lost, out of use',
        value: longest(['doubt', 'leave']),
        unit: 's',
        budget: 40,
      },
    ];
  } finally {
    followers.stop();
    await redis.close();
  }
}
