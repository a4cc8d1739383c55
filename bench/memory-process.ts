import { memoryUsage } from 'node:process';
import { assembler } from '../src/client/assemble.ts';
import { startCall } from '../src/client/start-call.ts';
import { Targets } from '../src/client/targets.ts';
import { MemoryMetrics } from '../src/telemetry/memory-metrics.ts';
import { partsFor, stub } from './cases/parts.ts';

// What stays in memory for one endpoint, without its connections: its node in the balancer, and once it was called its counters, its window
// and all else that is made at the first call. What discovery keeps of it is shared by all who follow the service, and not counted.
// Fewer endpoints than there are series for them: past that cap they share their counters and would look lighter than they are.
const ENDPOINTS = 1_500;

const { parts } = partsFor('players', ENDPOINTS);
/** What must not be collected before it is measured. */
const kept: unknown[] = [];

/** What one endpoint keeps, in bytes: before any call, and after every endpoint was called many times. */
async function measure() {
  const before = used();
  const own = { ...parts, metrics: new MemoryMetrics() };
  const target = new Targets(own, {}, new Map()).of('players');
  const service = assembler(stub, own)(target);
  kept.push(own, target, service);
  const idle = used() - before;
  const called = new Set<string>();
  for (let i = 0; i < 40 * ENDPOINTS; i++) {
    const ctx = startCall(own, target, stub, 'GET');
    await service('GET', ctx);
    called.add(ctx.previous?.endpoint?.id ?? '');
  }
  const missed = ENDPOINTS - called.size;
  called.clear();
  const busy = used() - before;
  if (missed > 0 || target.nodes.nodes.length !== ENDPOINTS) throw new Error('not every endpoint was called');
  return { idle: idle / ENDPOINTS, called: busy / ENDPOINTS };
}

function used(): number {
  globalThis.gc?.();
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
}

// The second is told: what the first of its kind costs beside is no matter of endpoints.
await measure();
const figures = await measure();
process.send?.(figures, () => process.exit(kept.length === 6 ? 0 : 1));
