import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from '../worker.ts';
import type { Fleet } from './fleet.ts';
import type { Followed, FollowerOrder, FollowPlan } from './follower-process.ts';
import { serviceOf } from './instance.ts';
import type { LongestTurn } from './turn-meter.ts';

/** What a process that follows a fleet cost. */
export interface Cost {
  readonly start: Followed;
  /** The longest turn of its event loop while the fleet changed. */
  readonly longestTurn: LongestTurn;
  /** CPU time for one change, without what the process uses when nothing changes. */
  readonly cpuMs: number;
  /** The share of a core, 0 to 1, that it uses when nothing changes. */
  readonly idleShare: number;
}

const IDLE_MS = 3_000;

/** Has a process follow a fleet, and changes the fleet so many times: once for the longest turn, once for the CPU time. */
export async function followed(plan: FollowPlan, fleet: Fleet, changes: number, perSecond: number): Promise<Cost> {
  const { worker } = await Worker.start('discovery/follower-process.ts', [JSON.stringify(plan)], ['--expose-gc']);
  const services = Array.from({ length: plan.services }, (_, nth) => serviceOf(nth));
  const order = <Reply>(one: FollowerOrder) => worker.ask<Reply>(one);
  try {
    const start = await order<Followed>({ kind: 'follow' });
    await fleet.change(services, Math.min(changes, 2 * perSecond), perSecond); // compiles what runs
    await order<true>({ kind: 'begin', what: 'turns' });
    await fleet.change(services, changes, perSecond);
    const longestTurn = await order<LongestTurn>({ kind: 'end' });
    const cpu = async (work: () => Promise<unknown>) => {
      const startedAt = performance.now();
      await order<true>({ kind: 'begin', what: 'cpu' });
      await work();
      return { usedMs: await order<number>({ kind: 'end' }), forMs: performance.now() - startedAt };
    };
    const idle = await cpu(() => delay(IDLE_MS));
    const busy = await cpu(() => fleet.change(services, changes, perSecond));
    const idleShare = idle.usedMs / idle.forMs;
    return { start, longestTurn, idleShare, cpuMs: (busy.usedMs - idleShare * busy.forMs) / changes };
  } finally {
    worker.stop();
  }
}
