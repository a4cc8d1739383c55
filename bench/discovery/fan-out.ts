import { Crowd } from './crowd.ts';
import type { Figure } from './figure.ts';
import { measuredRedis } from './redis.ts';

const PROCESSES = 3;
const CHANGES = 40;
const INSTANCES = 100;

/** What Redis sends, and works, when a service of 100 changes 40 times and 300 processes follow it. */
export async function fanOut(quick: boolean): Promise<readonly Figure[]> {
  const followers = quick ? 30 : 300;
  const redis = await measuredRedis();
  const owner = await Crowd.open(redis.server.url, 1, 1);
  const crowd = await Crowd.open(redis.server.url, PROCESSES, followers / PROCESSES);
  try {
    await owner.announce(Array.from({ length: INSTANCES }, (_, nth) => ({ service: 'players', nth })));
    await crowd.watch(['players']);
    await crowd.knows(followers, INSTANCES);
    const sentBefore = (await redis.info('stats'))('total_net_output_bytes');
    const cpuBefore = await redis.cpuSeconds();
    await owner.move('players', CHANGES / 2, 50);
    await crowd.knows(followers, INSTANCES);
    const cpu = (await redis.cpuSeconds()) - cpuBefore;
    const sent = (await redis.info('stats'))('total_net_output_bytes') - sentBefore;
    const what = `${followers} followers × ${CHANGES} changes of ${INSTANCES} instances`;
    return [
      { name: `bytes out of Redis, ${what}`, value: sent / 1e6, unit: 'MB', budget: 5 },
      { name: 'CPU of Redis for it', value: cpu, unit: 's', budget: 0.1 },
    ];
  } finally {
    owner.stop();
    crowd.stop();
    await redis.close();
  }
}
