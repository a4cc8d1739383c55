import type { LaidOut } from './balancer/layout.ts';
import { LoadReading } from './balancer/load-reading.ts';
import type { Node } from './balancer/node.ts';
import type { AddedFilters, ExplainedFilter } from './client/added-filters.ts';
import { breakerInWords, type ExplainedBreaker, explainBreaker } from './client/explained-breaker.ts';
import { clientInWords, type ExplainedClient, explainClient, stackInWords } from './client/explained-client.ts';
import { explainStack } from './client/explained-stack.ts';
import type { OwnClients } from './client/own-clients.ts';
import type { Parts } from './client/parts.ts';
import { settingsOf } from './client/settings.ts';
import type { Targets } from './client/targets.ts';
import type { Setting } from './core/setting.ts';
import { type NameStep, stepsInWords } from './discovery/delegation/name-step.ts';
import type { RecentEvent, RecentEvents } from './telemetry/recent-events.ts';

/** One endpoint as the balancer sees it. */
export interface ExplainedEndpoint {
  readonly id: string;
  readonly address: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** `up`; `busy`, waiting for one call to probe it; `down`, taken out by its own failures or its checks. */
  readonly health: 'up' | 'busy' | 'down';
  /** Why it is not up; empty while it is. */
  readonly reason: string;
  /** Whether the registry no longer vouches for it. */
  readonly suspect: boolean;
  /** Attempts on their way. */
  readonly running: number;
  /** Mean time to a successful answer; `undefined` before the first. */
  readonly meanMs: number | undefined;
  /** What `recall` compares it by. */
  readonly load: {
    /** Requests in flight there: those of this process, or of everybody where servers report. */
    readonly inFlight: number;
    /** How long one is expected to take, as the server reports it where it does; `undefined` while nothing is known of any endpoint. Milliseconds. */
    readonly serviceMs: number | undefined;
    /** The share of attempts that failed of late, 0 to 1. */
    readonly failing: number;
  };
}

/** Endpoints that stand side by side, beside others that are preferred to them or that they are preferred to. */
export interface ExplainedTier {
  /** Such as `zone=eu-1a`; with the service in front when names split the calls. */
  readonly name: string;
  /** Its part of the calls, from 0 to 1. */
  readonly share: number;
  /** The part that its endpoints could take, from 0 to 1: all, as long as at least 71 % of their weight is up and past its slow start. */
  readonly capacity: number;
  /** Endpoints in it. */
  readonly endpoints: number;
  /** How many of them this process calls: fewer when it has a subset. */
  readonly called: number;
  /** How many of these are up. */
  readonly up: number;
  /** Whether those that are down are called as well, because the endpoints of all tiers together cannot take the calls. */
  readonly panicking: boolean;
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
  /** Those of the service, which clients go by that were given none of their own. */
  readonly settings: readonly Setting[];
  /** Clients that were given some, those of `mesh.service` too, or have a breaker of their own. */
  readonly clients: readonly ExplainedClient[];
  readonly endpoints: readonly ExplainedEndpoint[];
  /** By priority and place, the most preferred first; empty when nothing sets some of the endpoints apart. */
  readonly tiers: readonly ExplainedTier[];
  /** Known instances that the settings leave out. */
  readonly unmatched: number;
  /** That of all clients that have none of their own. */
  readonly breaker: ExplainedBreaker;
  /** The layers of a client that was given nothing, outermost first. */
  readonly stack: string;
  /** Filters of the application: each stands in the stack of one of its clients. */
  readonly filters: readonly ExplainedFilter[];
  readonly recent: readonly RecentEvent[];
  toString(): string;
}

/** What is kept to be explained. */
interface Kept {
  readonly recent: RecentEvents;
  readonly added: AddedFilters;
  readonly owned: OwnClients;
}

export function explainTarget(
  targets: Targets,
  service: string,
  parts: Parts,
  { recent, added, owned }: Kept,
): Explanation {
  const target = targets.of(service);
  const { view, nodes, settings } = target;
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
    clients: owned.of(service).map((one) => explainClient(one, target, parts)),
    endpoints: nodes.nodes.map((node) => explainNode(node, now)),
    tiers: nodes.laidOutAt(now).flatMap(explainTiers),
    unmatched: view.instances.length - nodes.nodes.length,
    breaker: explainBreaker(target),
    stack: explainStack(target, parts),
    filters: added.of(service),
    recent: recent.of(service),
  };
  return { ...explanation, toString: () => inWords(explanation) };
}

function explainNode(node: Node, now: number): ExplainedEndpoint {
  const { endpoint, health, suspect, running } = node;
  const { id, protocol, host, port, attributes } = endpoint;
  const address = `${protocol}://${host}:${port}`;
  const reason = health.out ? health.reason : '';
  const meanMs = known(node.latencyMs);
  const reading = new LoadReading();
  health.weigh(reading, now);
  node.read(reading, now);
  const { rif: inFlight, failing } = reading;
  const believed = { inFlight, serviceMs: known(reading.serviceMs), failing };
  return { id, address, attributes, health: health.fitness(now), reason, suspect, running, meanMs, load: believed };
}

function known(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function explainTiers({ share, service, tiers }: LaidOut): ExplainedTier[] {
  return tiers.map((tier) => ({
    name: share < 1 ? `${service} ${tier.name}` : tier.name,
    share: share * tier.share,
    capacity: tier.capacity,
    endpoints: tier.count,
    called: tier.nodes.length,
    up: tier.up,
    panicking: tier.panicking === true,
  }));
}

function tierInWords({ name, share, capacity, endpoints, called, up, panicking }: ExplainedTier): string {
  const percent = (part: number) => `${Math.round(100 * part)} %`;
  const some = called < endpoints ? ` of the ${called} called` : '';
  const panic = panicking ? ', all used because nobody else can take the rest' : '';
  return `  ${name}: ${percent(share)} of the calls; ${endpoints} endpoints, ${up}${some} up, could take ${percent(capacity)}${panic}`;
}

function inWords({
  service,
  registry,
  path,
  settings,
  clients,
  endpoints,
  tiers,
  unmatched,
  breaker,
  stack,
  filters,
  recent,
}: Omit<Explanation, 'toString'>): string {
  const ms = (value: number | undefined) => (value === undefined ? '–' : `${value.toFixed(1)} ms`);
  return [
    `${service}: ${endpoints.length} endpoints${unmatched > 0 ? `, ${unmatched} more do not match` : ''}; breaker ${breakerInWords(breaker)}`,
    `registry ${registry.name}: ${registry.state}${registry.reason === '' ? '' : ` (${registry.reason})`}${registry.from === '' ? '' : `, from ${registry.from}`}`,
    ...(path === undefined ? [] : ['name:', ...stepsInWords(path, 1)]),
    ...endpoints.map((one) => {
      const { inFlight, serviceMs, failing } = one.load;
      const standing = `${one.health}${one.reason && ` (${one.reason})`}${one.suspect ? ' suspect' : ''}`;
      const believed = `taken for ${inFlight.toFixed(1)} in flight, ${ms(serviceMs)}, ${(100 * failing).toFixed(0)} % failing`;
      return `  ${one.id} ${one.address} ${standing}, ${one.running} running, mean ${ms(one.meanMs)}; ${believed}`;
    }),
    ...(tiers.length === 0 ? [] : ['tiers:', ...tiers.map(tierInWords)]),
    'settings:',
    ...settings.map(({ name, value, from }) => `  ${name} = ${value} (${from})`),
    ...clients.flatMap((client) => clientInWords(client, { breaker, stack })),
    'stack:',
    ...stackInWords(stack),
    ...filters.map(({ name, place, of }) => `  ${name}, ${place}, in the stack of ${of}`),
    'recent:',
    ...recent.map(({ at, what }) => `  ${new Date(at).toISOString()} ${what}`),
  ].join('\n');
}
