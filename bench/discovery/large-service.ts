import type { Figure } from './figure.ts';
import { Fleet } from './fleet.ts';
import { followed } from './followed.ts';
import { serviceOf } from './instance.ts';
import { measuredRedis } from './redis.ts';
import { turnFigures } from './turn-meter.ts';

const CHANGES_PER_SECOND = 20;

/** What it costs one process to follow one service of 10,000 instances. */
export async function oneLargeService(quick: boolean): Promise<readonly Figure[]> {
  const instances = quick ? 1_000 : 10_000;
  const redis = await measuredRedis();
  try {
    const fleet = new Fleet(redis);
    await fleet.register([serviceOf(0)], instances);
    const figures: Figure[] = [];
    for (const by of ['registry', 'mesh'] as const) {
      const plan = { url: redis.server.url, services: 1, instances, by };
      const { start, longestTurn, cpuMs, idleShare } = await followed(
        plan,
        fleet,
        quick ? 20 : 200,
        CHANGES_PER_SECOND,
      );
      const who = by === 'registry' ? 'a registry' : 'a mesh';
      figures.push(
        {
          name: `${who} that follows one service of ${instances.toLocaleString('en')}: until all is known`,
          value: start.syncMs / 1_000,
          unit: 's',
          budget: 2,
        },
        ...turnFigures('until then', start.longestTurn),
        ...turnFigures(`with ${CHANGES_PER_SECOND} changes a second`, longestTurn),
        { name: 'CPU for one change', value: cpuMs * 1_000, unit: 'µs' },
        { name: 'of one core when nothing changes', value: 100 * idleShare, unit: '%' },
        { name: 'its heap', value: start.heapBytes / 1e6, unit: 'MB' },
      );
    }
    return figures;
  } finally {
    await redis.close();
  }
}
