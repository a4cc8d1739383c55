import type { Got } from 'got';
import { AddedFilters } from './client/added-filters.ts';
import { type BreakerControl, controlBreaker } from './client/breaker-control.ts';
import { checkSharedLimits, narrowed, type SharedLimits } from './client/call-limits.ts';
import { EndpointChecks } from './client/checks/endpoint-checks.ts';
import type { Fetch } from './client/fetch/request.ts';
import { wrapFetch } from './client/fetch/wrap.ts';
import { type PutFilters, resolveFilters } from './client/filter-stack.ts';
import { isGot, wrapGot } from './client/got/wrap.ts';
import { Client } from './client/native/client.ts';
import type { ClientOptions } from './client/native/client-options.ts';
import { NodeAgents } from './client/node-http/agents.ts';
import { OwnClients } from './client/own-clients.ts';
import type { Parts } from './client/parts.ts';
import { EndpointPools } from './client/pools.ts';
import type { Send } from './client/service/binding.ts';
import { type SendOptions, splitOptions } from './client/service/send-options.ts';
import { type ServiceFunction, serviceFunction } from './client/service/service-function.ts';
import { checkService, type ServiceOptions } from './client/settings.ts';
import { Targets } from './client/targets.ts';
import { checkWrap, type WrapOptions } from './client/wrap-options.ts';
import { type Ambient, ambient, runAmbient } from './core/ambient.ts';
import { callable, fail, options as known, oneOf, serviceName } from './core/check.ts';
import { Events, type MeshEventName, type MeshEvents } from './core/events.ts';
import type { CurrentRequest } from './core/inbound-request.ts';
import { PRIORITIES, type Priority } from './core/priority.ts';
import { DiskViews } from './discovery/cache/disk-views.ts';
import { resolveOverride, withOverride } from './discovery/delegation/override.ts';
import { type Explanation, explainTarget } from './explain.ts';
import { type MeshOptions, resolveMesh } from './mesh-options.ts';
import { createInbound, type Inbound } from './server/inbound.ts';
import { createInboundNames } from './server/inbound-names.ts';
import { createLimits } from './server/limit/inbound-limits.ts';
import type { RegisterOptions } from './server/register-options.ts';
import type { Registration } from './server/registration.ts';
import { Registrations } from './server/registrations.ts';
import { checkedUtilisation } from './server/utilisation.ts';
import { logEvents } from './telemetry/log.ts';
import { MemoryMetrics, type Reading } from './telemetry/memory-metrics.ts';
import { RecentEvents } from './telemetry/recent-events.ts';
import { Tracing } from './telemetry/tracing.ts';

/** A client that can be wrapped: got, an instance made by its `extend`, or a fetch that is built on undici. */
export type Wrappable = Got | Fetch;

/** The mesh of one process: its clients, what it announces, and what it saw. */
export interface Mesh {
  /**
   * The same client, with the mesh behind every URL whose host names a service (`http://players/teams/42`). It keeps its type, options,
   * hooks and errors; what the mesh knows of a call is found with `meshOf`.
   */
  wrap<C extends Wrappable>(client: C, options?: WrapOptions<C>): C;
  /** A client for one service over the mesh's own connections, the fastest way to call. `options` go on top of those of the service. */
  client(service: string, options?: ClientOptions): Client;
  /**
   * Any asynchronous function as the client of a service: a stub of gRPC, a driver of a database, a queue. What is returned calls `send`
   * for each attempt, with the instance that was picked; see docs/any-client.md. `options` go on top of those of the service, of which what is about HTTP
   * is left out.
   */
  service<Req, Res>(service: string, send: Send<Req, Res>, options?: SendOptions<Req, Res>): ServiceFunction<Req, Res>;
  /** Announces this process once its server listens; drains it on SIGTERM. Does not wait for the registry. */
  register(options: RegisterOptions): Promise<Registration>;
  /**
   * Middleware that hands deadline and trace of a request to the calls made for it, cancels these when its client goes away, refuses what is expired or meant
   * for another, and tells callers of the mesh how busy this process is.
   */
  readonly inbound: Inbound;
  /**
   * Calls `run`, and in all calls made for it puts names in the place of others: `{ players: 'players-canary' }`. A name in whose place nobody
   * is known stands for what it would have stood for. It travels on to the services that are called, which believe it when they were given
   * `nameOverrides`. At most ten names; throws a `ConfigError` for what is no name.
   */
  withNames<T>(names: Readonly<Record<string, string>>, run: () => T): T;
  /**
   * Calls `run`, and says of all calls made for it how much they matter: servers with a limit refuse `sheddable` ones first, then those that say nothing.
   * It travels on to the services that are called. Throws a `ConfigError` for what is no priority.
   */
  withPriority<T>(priority: Priority, run: () => T): T;
  /**
   * Calls `run`, and narrows all calls made for it, of whatever client: each has at most so many `attempts`, at least 1, and all together have at most `deadlineMs`
   * milliseconds, at least 1, from now on. Of several limits the narrowest counts. The time travels on to the services that are called, `attempts` do not.
   * Throws a `ConfigError` for what is no limit.
   */
  withLimits<T>(limits: SharedLimits, run: () => T): T;
  /** The breaker of a service, to hold it open or closed by hand. Throws a `ConfigError` when it is switched off. */
  breaker(service: string): BreakerControl;
  /**
   * The request that is being served here, which came in by `inbound`; `undefined` outside of any. Its `signal` aborts when nobody waits for the answer any
   * more. The calls of the mesh need not be given it: those made for a request are cancelled with it.
   */
  current(): CurrentRequest | undefined;
  /**
   * Calls `run`, and lets what is called for it outlive the request that is being served: it is neither cancelled with that request nor bound by its time, nor
   * by that of `withLimits`. All else that the request hands on stays.
   */
  detached<T>(run: () => T): T;
  /** Calls `listener` for each event of that name; the function returned stops that. */
  on<Name extends MeshEventName>(name: Name, listener: (event: MeshEvents[Name]) => void): () => void;
  /** What is known of a service, where its settings come from, and what happened to it last. */
  explain(service: string): Explanation;
  /** All figures as they stand now. */
  metrics(): readonly Reading[];
  /** Withdraws what is announced and closes every connection. Calls made later reject with a `ClosedError`. Never rejects. */
  close(): Promise<void>;
}

/** Where something is said of calls outside of any request. */
const NO_REQUEST: Ambient = { trace: undefined, baggage: '', deadline: Number.POSITIVE_INFINITY, retried: false };

/** Makes the mesh of this process. One is enough, and each holds connections of its own. */
export function createMesh(options: MeshOptions): Mesh {
  const resolved = resolveMesh(options);
  const { self, addresses, clock, random, isService } = resolved;
  const events = new Events();
  const metrics = new MemoryMetrics();
  const recent = new RecentEvents(events, clock);
  const added = new AddedFilters();
  const owned = new OwnClients();
  const stopLog = logEvents(events, resolved.logger, clock);
  const registryScope = { clock, random, events, metrics, addresses };
  const lastViews =
    resolved.cacheDir === undefined
      ? undefined
      : new DiskViews(resolved.cacheDir, resolved.cacheMaxAgeMs, registryScope);
  const registry = resolved.registry({ ...registryScope, lastViews });
  const tracing = new Tracing(random);
  if (resolved.opentelemetry === undefined) void tracing.detect();
  else if (resolved.opentelemetry !== false) tracing.use(resolved.opentelemetry);

  const pools = new EndpointPools({ addresses, clock, random });
  const agents = new NodeAgents({ addresses, clock, random });
  const checks = new EndpointChecks({ clock, metrics, caller: self.service, addresses });
  const startedAt = clock.now();
  const parts: Parts = { self, clock, random, events, metrics, registry, tracing, pools, agents, checks, startedAt };
  const targets = new Targets(parts, resolved.defaults, resolved.services, resolved.names);
  const registrations = new Registrations({
    self,
    registry,
    addresses,
    clock,
    events,
    metrics,
    // Only the registry is given up: what the application still has to do on its way out can go on calling.
    onDrained: (signal) => (signal === undefined || registrations.live.length > 0 ? undefined : registry.close()),
  });

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await registrations.leave();
    targets.close();
    await registry.close();
    await lastViews?.close();
    agents.close();
    checks.close();
    await pools.close();
    stopLog();
    recent.close();
    owned.close();
  };

  /** The target of one client: that of everybody, with no `target`, unless it has settings of its own. */
  const targetFor = (service: string, name: string, own: ServiceOptions | undefined) => {
    if (own === undefined) return { target: undefined, present: () => targets.of(service) };
    checkService(name, own);
    return targets.special(service, name, own);
  };
  const filtersOf = <Req, Res>(of: string, service: string | undefined, put: PutFilters<Req, Res> | undefined) => {
    const filters = resolveFilters(`filters of ${of}`, put);
    added.add(of, service, filters);
    return filters;
  };

  return {
    wrap<C extends Wrappable>(client: C, own?: WrapOptions<C>): C {
      const got = isGot(client);
      if (!got && typeof client !== 'function') fail('wrap', 'given got, or a fetch', client);
      checkWrap(own);
      const shared = { parts, targets, isService };
      // Which of the two the filters are for, and that a Wrappable which is not got is a fetch, the types say by `C`.
      if (got) {
        const put = own?.filters as WrapOptions<Got>['filters'];
        return wrapGot(client, { ...shared, filters: filtersOf('wrap(got)', undefined, put) });
      }
      const put = own?.filters as WrapOptions<Fetch>['filters'];
      return wrapFetch(client as C & Fetch, { ...shared, filters: filtersOf('wrap(fetch)', undefined, put) });
    },
    client(service, options) {
      const name = `client('${serviceName('client', service)}')`;
      if (options !== undefined) known(name, options);
      const { filters: put, ...own } = options ?? {};
      const onlyFilters = put !== undefined && Object.keys(own).length === 0;
      const { target, present } = targetFor(service, name, options === undefined || onlyFilters ? undefined : own);
      owned.add({ of: name, service, target, options: own });
      return new Client(service, present, parts, filtersOf(name, service, put));
    },
    service<Req, Res>(service: string, send: Send<Req, Res>, options?: SendOptions<Req, Res>) {
      const name = `service('${serviceName('service', service)}')`;
      callable(`send of ${name}`, send);
      const { own, answer, service: settings, told } = splitOptions(name, options);
      const { target, present } = targetFor(service, name, settings);
      owned.add({ of: name, service, target, options: settings, told, answers: answer !== undefined });
      const filters = filtersOf(name, service, own.filters);
      return serviceFunction({ service, send, options: own, answer, filters, target: present, parts });
    },
    register: (given) => registrations.register(given),
    withNames: (names, run) => {
      const own = resolveOverride('withNames', names);
      callable('run of withNames', run);
      const around = ambient() ?? NO_REQUEST;
      return runAmbient({ ...around, names: withOverride(around.names, own) }, run);
    },
    withPriority: (priority, run) => {
      const own = oneOf('withPriority', priority, PRIORITIES);
      callable('run of withPriority', run);
      return runAmbient({ ...(ambient() ?? NO_REQUEST), priority: own }, run);
    },
    withLimits: (limits, run) => {
      checkSharedLimits('withLimits', limits);
      callable('run of withLimits', run);
      return runAmbient(narrowed(ambient() ?? NO_REQUEST, limits, clock.now()), run);
    },
    current: () => ambient()?.request,
    detached: (run) => {
      callable('run of detached', run);
      const around = ambient() ?? NO_REQUEST;
      return runAmbient({ ...around, deadline: Number.POSITIVE_INFINITY, request: undefined }, run);
    },
    inbound: createInbound({
      self,
      clock,
      metrics,
      names: createInboundNames({ allowed: resolved.nameOverrides, events, metrics }),
      limits: createLimits(resolved.inbound, { clock, random, metrics, events }),
      settings: resolved.inboundSettings,
      utilisation: resolved.utilisation && checkedUtilisation(resolved.utilisation, events),
    }),
    breaker: (service) => controlBreaker(targets, serviceName('breaker', service)),
    on: (name, listener) => events.on(name, callable('listener', listener)),
    explain: (service) => explainTarget(targets, serviceName('explain', service), parts, { recent, added, owned }),
    metrics: () => metrics.read(),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
