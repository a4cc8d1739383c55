import type { Figure } from './figure.ts';
import { Fleet } from './fleet.ts';
import { followed } from './followed.ts';
import { serviceOf } from './instance.ts';
import { measuredRedis } from './redis.ts';
import { turnFigures } from './turn-meter.ts';

const INSTANCES_EACH = 10;
const CHANGES_PER_SECOND = 100;

/** What it costs one process to follow 1,000 services of 10 instances. */
export async function following(quick: boolean): Promise<readonly Figure[]> {
  const count = quick ? 100 : 1_000;
  const services = Array.from({ length: count }, (_, nth) => serviceOf(nth));
  const redis = await measuredRedis();
  try {
    const fleet = new Fleet(redis);
    await fleet.register(services, INSTANCES_EACH);
    const figures: Figure[] = [];
    for (const by of ['registry', 'mesh'] as const) {
      const plan = { url: redis.server.url, services: count, instances: count * INSTANCES_EACH, by };
      const { start, longestTurn, cpuMs, idleShare } = await followed(
        plan,
        fleet,
        quick ? 50 : 500,
        CHANGES_PER_SECOND,
      );
      const who = by === 'registry' ? 'a registry' : 'a mesh';
      figures.push(
        {
          name: `${who} that follows ${count.toLocaleString('en')} services of 10: its heap`,
          value: start.heapBytes / 1e6,
          unit: 'MB',
          budget: 60,
        },
        { name: 'of that for what it follows', value: start.addedBytes / 1e6, unit: 'MB' },
        { name: 'until all is known', value: start.syncMs / 1_000, unit: 's', budget: 2 },
        ...turnFigures('until then', start.longestTurn),
        ...turnFigures(`with ${CHANGES_PER_SECOND} changes a second`, longestTurn),
        { name: 'CPU for one change', value: cpuMs * 1_000, unit: 'µs' },
        { name: 'of one core when nothing changes', value: 100 * idleShare, unit: '%' },
      );
    }
    return figures;
  } finally {
    await redis.close();
  }
}
