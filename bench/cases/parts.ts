import { EndpointChecks } from '../../src/client/checks/endpoint-checks.ts';
import { NodeAgents } from '../../src/client/node-http/agents.ts';
import type { Parts } from '../../src/client/parts.ts';
import { EndpointPools } from '../../src/client/pools.ts';
import type { ServiceOptions } from '../../src/client/settings.ts';
import type { Target } from '../../src/client/target.ts';
import { Targets } from '../../src/client/targets.ts';
import type { Binding } from '../../src/core/binding.ts';
import { systemClock as clock } from '../../src/core/clock.ts';
import { Events } from '../../src/core/events.ts';
import { systemRandom as random } from '../../src/core/random.ts';
import { createStaticRegistry } from '../../src/discovery/static.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { Tracing } from '../../src/telemetry/tracing.ts';

/** The inside of a mesh with all defaults, in which OpenTelemetry is not installed. */
export function partsFor(
  service: string,
  endpoints: number,
  defaults: ServiceOptions = {},
): { readonly parts: Parts; readonly target: Target } {
  const events = new Events();
  const metrics = new MemoryMetrics();
  const hosts = Array.from({ length: endpoints }, (_, i) => `http://10.0.${i >> 8}.${i & 255}:8080`);
  const registry = createStaticRegistry({ [service]: hosts })({ clock, random, events, metrics });
  const self = { service: 'bench', id: 'bench-1', generation: 1, attributes: {} };
  const tracing = new Tracing(random);
  const pools = new EndpointPools();
  const agents = new NodeAgents();
  const checks = new EndpointChecks({ clock, metrics, caller: self.service });
  const startedAt = clock.now();
  const parts: Parts = { self, clock, random, events, metrics, registry, tracing, pools, agents, checks, startedAt };
  return { parts, target: new Targets(parts, defaults, new Map()).of(service) };
}

export interface Answer {
  readonly status: number;
}

/** A transport that answers at once, head and body. */
export const stub: Binding<string, Answer> = {
  name: 'stub',
  describe: (method) => ({ operation: method, idempotent: true }),
  requestHeader: () => undefined,
  send: (_req, ctx) => {
    ctx.end();
    return Promise.resolve(ANSWER);
  },
  verdict: () => 'success',
  header: () => undefined,
  discard: () => {},
};

const ANSWER: Answer = { status: 200 };
