import { memoryUsage } from 'node:process';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { Events } from '../../src/core/events.ts';
import { createRedisRegistry } from '../../src/discovery/redis/redis-registry.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { createMesh } from '../../src/mesh.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { serviceOf } from './instance.ts';
import { type LongestTurn, TurnMeter } from './turn-meter.ts';

/** How one process follows services: with a registry alone, or with a mesh that could call all of them. */
export interface FollowPlan {
  readonly url: string;
  /** How many, from the first. */
  readonly services: number;
  /** Instances of all of them together. */
  readonly instances: number;
  readonly by: 'registry' | 'mesh';
}

/** What following cost until all was known. */
export interface Followed {
  readonly syncMs: number;
  readonly longestTurn: LongestTurn;
  /** The heap of the whole process, after a collection; and what following added to it. */
  readonly heapBytes: number;
  readonly addedBytes: number;
}

export type FollowerOrder =
  | { readonly kind: 'follow' }
  /** Measures from now on: the longest turn, or else the CPU time. The meter of turns keeps the loop busy, so not both at once. */
  | { readonly kind: 'begin'; readonly what: 'turns' | 'cpu' }
  /** Answers with the longest turn, or with milliseconds of CPU time. */
  | { readonly kind: 'end' };

// One process that follows everything there is. What a registry of Redis loads when it is made is no slice of its work.
await import('ioredis');
const plan: FollowPlan = JSON.parse(process.argv[2] ?? '');
const { url, instances, by } = plan;
const services = Array.from({ length: plan.services }, (_, nth) => serviceOf(nth));
const LONGEST_MS = 60_000;

/** Starts to follow; the function returned counts the instances that are known. */
async function follower(): Promise<() => Promise<() => number>> {
  if (by === 'mesh') {
    const mesh = createMesh({ self: { service: 'follower' }, registry: url, logger: false });
    const known = new Map<string, number>();
    mesh.on('view', (view) => known.set(view.service, view.known));
    await delay(500); // connected
    return async () => {
      // A service is followed from when it is first asked for, which does not happen to all at once.
      for (const service of services) {
        mesh.explain(service);
        await setImmediate();
      }
      return () => [...known.values()].reduce((sum, one) => sum + one, 0);
    };
  }
  const events = new Events();
  const connected = new Promise<void>((resolve) => events.on('registry', () => resolve()));
  const scope = { clock: systemClock, random: Math.random, events, metrics: new MemoryMetrics() };
  const registry = createRedisRegistry('registry', { url })(scope);
  await connected;
  return async () => {
    const watches: Watch[] = [];
    for (const service of services) {
      watches.push(registry.watch(service, () => {}));
      await setImmediate();
    }
    return () => watches.reduce((sum, { view }) => sum + view.instances.length, 0);
  };
}

function used(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return memoryUsage().heapUsed;
}

const start = await follower();
let turns: TurnMeter | undefined;
let cpu: NodeJS.CpuUsage | undefined;

async function follow(): Promise<Followed> {
  const before = used();
  const meter = new TurnMeter();
  const startedAt = performance.now();
  const known = await start();
  while (known() < instances) {
    if (performance.now() - startedAt > LONGEST_MS) throw new Error(`only ${known()} instances are known`);
    await delay(20);
  }
  const syncMs = performance.now() - startedAt;
  const longestTurn = await meter.stop();
  await delay(200);
  const heapBytes = used();
  return { syncMs, longestTurn, heapBytes, addedBytes: heapBytes - before };
}

function begin(what: 'turns' | 'cpu'): true {
  globalThis.gc?.();
  if (what === 'turns') turns = new TurnMeter();
  else cpu = process.cpuUsage();
  return true;
}

async function end(): Promise<number | LongestTurn> {
  if (turns !== undefined) {
    const longest = await turns.stop();
    turns = undefined;
    return longest;
  }
  const { user, system } = process.cpuUsage(cpu);
  return (user + system) / 1_000;
}

process.on('message', (order: FollowerOrder) => {
  const answer = order.kind === 'follow' ? follow() : order.kind === 'begin' ? begin(order.what) : end();
  void Promise.resolve(answer).then((value) => process.send?.(value));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
