import type { Node } from './balancer/node.ts';
import { stacksOf } from './client/assemble.ts';
import { bufferedBinding } from './client/native/binding.ts';
import type { Parts } from './client/parts.ts';
import { type Setting, settingsOf } from './client/settings.ts';
import type { Target } from './client/target.ts';
import type { Targets } from './client/targets.ts';
import { type NameStep, stepsInWords } from './discovery/delegation/name-step.ts';
import type { RecentEvent, RecentEvents } from './telemetry/recent-events.ts';

/** One endpoint as the balancer sees it. */
export interface ExplainedEndpoint {
  readonly id: string;
  readonly address: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** `up`; `busy`, waiting for one call to probe it; `down`, taken out by its own failures. */
  readonly health: 'up' | 'busy' | 'down';
  /** Whether the registry no longer vouches for it. */
  readonly suspect: boolean;
  /** Attempts on their way. */
  readonly running: number;
  /** Mean time to a successful answer; `undefined` before the first. */
  readonly meanMs: number | undefined;
}

/** What `mesh.explain` tells of a service; `toString` puts it in words. */
export interface Explanation {
  readonly service: string;
  readonly registry: {
    readonly name: string;
    readonly state: string;
    readonly reason: string;
    readonly ageMs: number;
    /** Of several that are asked in order, the one that knows the endpoints; else empty. */
    readonly from: string;
  };
  /** The way that the name takes; `undefined` when no rule is about it and it is looked up as it is. */
  readonly path: NameStep | undefined;
  readonly settings: readonly Setting[];
  readonly endpoints: readonly ExplainedEndpoint[];
  /** Known instances that the settings leave out. */
  readonly unmatched: number;
  readonly breaker: { readonly state: 'closed' | 'open' | 'half-open' | 'off'; readonly reason: string };
  /** The layers, outermost first. */
  readonly stack: string;
  readonly recent: readonly RecentEvent[];
  toString(): string;
}

export function explainTarget(targets: Targets, service: string, parts: Parts, recent: RecentEvents): Explanation {
  const target = targets.of(service);
  const { view, breaker, nodes, settings } = target;
  const now = parts.clock.now();
  const explanation = {
    service,
    registry: {
      name: parts.registry.name,
      state: view.state,
      reason: view.reason,
      ageMs: now - view.asOf,
      from: view.from ?? '',
    },
    path: target.path,
    settings: settingsOf(settings, targets.layers(service)),
    endpoints: nodes.nodes.map((node) => explainNode(node, now)),
    unmatched: view.instances.length - nodes.nodes.length,
    breaker: { state: breaker?.state ?? ('off' as const), reason: breaker?.reason ?? '' },
    stack: stackOf(target, parts),
    recent: recent.of(service),
  };
  return { ...explanation, toString: () => inWords(explanation) };
}

function explainNode({ endpoint, health, suspect, running, load }: Node, now: number): ExplainedEndpoint {
  const { id, protocol, host, port, attributes } = endpoint;
  const address = `${protocol}://${host}:${port}`;
  const meanMs = Number.isNaN(load.latencyMs) ? undefined : load.latencyMs;
  return { id, address, attributes, health: health.fitness(now), suspect, running, meanMs };
}

function stackOf(target: Target, parts: Parts): string {
  const { client, endpoint } = stacksOf(target, bufferedBinding(parts.pools), parts);
  const [any] = target.nodes.nodes;
  return any === undefined ? String(client) : `${client}\n${endpoint(any)}`;
}

function inWords({
  service,
  registry,
  path,
  settings,
  endpoints,
  unmatched,
  breaker,
  stack,
  recent,
}: Omit<Explanation, 'toString'>): string {
  const ms = (value: number | undefined) => (value === undefined ? '–' : `${value.toFixed(1)} ms`);
  return [
    `${service}: ${endpoints.length} endpoints${unmatched > 0 ? `, ${unmatched} more do not match` : ''}; breaker ${breaker.state}`,
    `registry ${registry.name}: ${registry.state}${registry.reason === '' ? '' : ` (${registry.reason})`}${registry.from === '' ? '' : `, from ${registry.from}`}`,
    ...(path === undefined ? [] : ['name:', ...stepsInWords(path, 1)]),
    ...endpoints.map(
      (one) =>
        `  ${one.id} ${one.address} ${one.health}${one.suspect ? ' suspect' : ''}, ${one.running} running, mean ${ms(one.meanMs)}`,
    ),
    'settings:',
    ...settings.map(({ name, value, from }) => `  ${name} = ${value} (${from})`),
    'stack:',
    ...stack.split('\n').map((line) => `  ${line}`),
    'recent:',
    ...recent.map(({ at, what }) => `  ${new Date(at).toISOString()} ${what}`),
  ].join('\n');
}
