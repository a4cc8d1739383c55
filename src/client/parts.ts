import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Random } from '../core/random.ts';
import type { Self } from '../core/self.ts';
import type { Registry } from '../discovery/registry.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { EndpointChecks } from './checks/endpoint-checks.ts';
import type { NodeAgents } from './node-http/agents.ts';
import type { EndpointPools } from './pools.ts';

/** What the mesh hands to all of its clients. */
export interface Parts {
  readonly self: Self;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly registry: Registry;
  readonly tracing: Tracing;
  readonly pools: EndpointPools;
  readonly agents: NodeAgents;
  readonly checks: EndpointChecks;
  /** Monotonic milliseconds at which the mesh was made. */
  readonly startedAt: number;
}
