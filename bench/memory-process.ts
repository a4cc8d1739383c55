import { memoryUsage } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { assembler } from '../src/client/assemble.ts';
import { startCall } from '../src/client/start-call.ts';
import { Targets } from '../src/client/targets.ts';
import { Context } from '../src/core/context.ts';
import { MemoryMetrics } from '../src/telemetry/memory-metrics.ts';
import { partsFor, stub } from './cases/parts.ts';

// What stays in memory for one endpoint, without its connections: its node in the balancer, and once it was called its counters, its window
// and all else that is made at the first call. What discovery keeps of it is shared by all who follow the service, and not counted.
//
// Two services are compared, so that what a service costs beside its endpoints falls out. Both have fewer endpoints than there are series for
// them: past that cap they share their counters and would look lighter than they are.
const FEW = 300;
const MANY = 900;
const CALLS_EACH = 40;
/** So that every endpoint is called; what a node keeps is the same for every picker but `peak-ewma`. */
const ROUND_ROBIN = { balancer: 'round-robin' } as const;

const services = [FEW, MANY, FEW, MANY, FEW, MANY].map((count) => ({ count, ...partsFor('players', count) }));
/** What must not be collected before it is measured. */
const kept: unknown[] = [];

/** What a service keeps, in bytes: before any call, and after every endpoint was called many times. */
async function measure({ count, parts }: (typeof services)[number]) {
  const before = used();
  const own = { ...parts, metrics: new MemoryMetrics() };
  const target = new Targets(own, ROUND_ROBIN, new Map()).of('players');
  const service = assembler(() => stub, own)(target);
  kept.push(own, target, service);
  const idle = used() - before;
  const reached = new Set<string>();
  for (let round = 0; round < CALLS_EACH; round++) {
    // What an endpoint did in a second is put down in the next one.
    if (round === CALLS_EACH - 1) await setTimeout(1_100);
    for (let i = 0; i < count; i++) {
      const ctx = startCall(own, target, stub, 'GET');
      await service('GET', ctx);
      reached.add(ctx.previous?.endpoint?.id ?? '');
    }
  }
  if (reached.size < count) throw new Error('not every endpoint was called');
  reached.clear();
  const called = used() - before;
  const { nodes } = target;
  for (const node of nodes.nodes) {
    const ctx = new Context(target.service, stub.describe('GET'), parts.clock.now());
    nodes.begin(node, ctx, ctx.startedAt);
    nodes.reported(node, { rif: 1, serviceMs: 1 }, ctx.startedAt);
    nodes.report(node, 'unreachable', ctx, ctx.startedAt);
    nodes.end(node, ctx);
  }
  if (nodes.down < count) throw new Error('not every endpoint is down');
  return { idle, called, down: used() - before };
}

/** Bytes in use for data: what V8 compiles meanwhile is no matter of endpoints either. */
function used(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const data = getHeapSpaceStatistics().filter(({ space_name }) => !/code|trusted|shared|read_only/.test(space_name));
  return data.reduce((sum, space) => sum + space.space_used_size, memoryUsage().external);
}

const measured = [];
for (const service of services) measured.push(await measure(service));
// The last of each is told: the first ones warm everything up.
const [few, many] = measured.slice(-2);
if (few === undefined || many === undefined || kept.length === 0) throw new Error('there are six');
const each = (bytes: 'idle' | 'called' | 'down') => (many[bytes] - few[bytes]) / (MANY - FEW);
process.send?.({ idle: each('idle'), called: each('called'), down: each('down') }, () => process.exit());
