import { memoryUsage } from 'node:process';
import { NodeSet } from '../src/balancer/node-set.ts';
import { stacksOf } from '../src/client/assemble.ts';
import { MemoryMetrics } from '../src/telemetry/memory-metrics.ts';
import { partsFor, stub } from './cases/parts.ts';

// What stays in memory for one endpoint: its node in the balancer and its compiled stack with its counters, without its connections.
// Fewer endpoints than there are series for them: past that cap they share their counters and would look lighter than they are.
const ENDPOINTS = 500;

const { parts, target } = partsFor('players', ENDPOINTS);
const { settings, nodes } = target;
const endpoints = nodes.nodes.map((node) => node.endpoint);
const { clock, random, events } = parts;

function build(service: string) {
  const set = new NodeSet({
    service,
    clock,
    random,
    events,
    health: settings.health,
    picker: nodes.picker,
    unreachable: () => {},
    retired: () => {},
  });
  set.update(endpoints, new Set());
  const stacks = stacksOf(target, stub, parts);
  const scope = { target: service, binding: stub.name, clock, random, events, metrics: new MemoryMetrics() };
  const compiled = set.nodes.map((node) =>
    stacks.endpoint(node).build(stub.send, { ...scope, endpoint: node.endpoint }),
  );
  return { set, compiled };
}

function used(): number {
  globalThis.gc?.();
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
}

// The second set is measured: what the first of its kind costs beside is no matter of endpoints.
const kept = [build('warm-up')];
const before = used();
kept.push(build('players'));
process.send?.((used() - before) / ENDPOINTS, () => process.exit(kept.length === 2 ? 0 : 1));
