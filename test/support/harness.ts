import { assembler } from '../../src/client/assemble.ts';
import { EndpointChecks } from '../../src/client/checks/endpoint-checks.ts';
import { type PutFilters, resolveFilters } from '../../src/client/filter-stack.ts';
import { NodeAgents } from '../../src/client/node-http/agents.ts';
import type { Parts } from '../../src/client/parts.ts';
import { EndpointPools } from '../../src/client/pools.ts';
import type { ServiceOptions } from '../../src/client/settings.ts';
import { startCall } from '../../src/client/start-call.ts';
import { Targets } from '../../src/client/targets.ts';
import type { Context } from '../../src/core/context.ts';
import { Events, type MeshEventName } from '../../src/core/events.ts';
import { createStaticRegistry } from '../../src/discovery/static.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { Tracing } from '../../src/telemetry/tracing.ts';
import { ManualClock, MockPeer, type MockRequest, type MockResponse, seededRandom } from '../../src/testing/entry.ts';

interface CallOptions {
  readonly signal?: AbortSignal;
  /** Changes the context before the call starts. */
  readonly prepare?: (ctx: Context) => void;
}

interface HarnessOptions extends ServiceOptions {
  readonly endpoints?: number;
  readonly filters?: PutFilters<MockRequest, MockResponse>;
  /** Other services, with one endpoint each; the same peer plays them. */
  readonly others?: readonly string[];
  /** One that several share are several processes. */
  readonly clock?: ManualClock;
  readonly seed?: number;
}

/** The whole default stack over a peer that the test plays, in time that the test moves. */
export function harness(options: HarnessOptions = {}) {
  const { endpoints = 3, filters, others = [], clock = new ManualClock(), seed = 1, ...settings } = options;
  const random = seededRandom(seed);
  const events = new Events();
  const metrics = new MemoryMetrics();
  const peer = new MockPeer();
  const scope = { clock, random, events, metrics };
  const lists = Array.from({ length: endpoints }, (_, i) => `http://10.0.0.${i + 1}:8080`);
  const beside = others.map((name, i) => [name, [`http://10.0.1.${i + 1}:8080`]] as const);
  const registry = createStaticRegistry({ players: lists, ...Object.fromEntries(beside) })(scope);
  const self = { service: 'teams', id: 'teams-1', generation: 1, attributes: {} };
  const parts: Parts = {
    ...scope,
    self,
    registry,
    tracing: new Tracing(random),
    pools: new EndpointPools(),
    agents: new NodeAgents(),
    checks: new EndpointChecks({ clock, metrics, caller: self.service }),
    startedAt: clock.now(),
  };
  const seen: { name: MeshEventName; event: object }[] = [];
  for (const name of ['breaker', 'endpoint', 'fault'] as const) events.on(name, (event) => seen.push({ name, event }));
  const targets = new Targets(parts, settings, new Map());
  const target = targets.of('players');
  const service = assembler(() => peer.binding, parts, resolveFilters('filters', filters))(target);

  const call = (req: MockRequest = {}, { signal, prepare }: CallOptions = {}): Promise<MockResponse> => {
    const ctx = startCall(parts, target, peer.binding, req, signal);
    prepare?.(ctx);
    const reply = service(req, ctx);
    // A test looks at a reply when it comes to it, which may be after it failed.
    reply.catch(() => {});
    return reply;
  };
  return { clock, events, metrics, peer, target, targets, call, seen, parts };
}

/** Lets everything that needs no time happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How a promise stands: its value, its error, or that it is still open. */
export async function outcome<T>(promise: Promise<T>): Promise<{ value: T } | { error: unknown } | 'pending'> {
  await settled();
  return Promise.race([
    promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
    settled().then(() => 'pending' as const),
  ]);
}
