import type { ResolvedBalancer } from '../balancer/balancer-options.ts';
import { hinge } from '../balancer/hinge.ts';
import type { NodeSet } from '../balancer/node-set.ts';
import { tried } from '../balancer/rank.ts';
import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import type { Filter, Scope } from '../core/filter.ts';
import { clientRoles, endpointRoles } from '../core/roles.ts';
import type { Service } from '../core/service.ts';
import { Stack } from '../core/stack.ts';
import { attemptStats } from '../filters/attempt-stats.ts';
import { attemptTimeout } from '../filters/attempt-timeout.ts';
import { breaker } from '../filters/breaker.ts';
import { bulkhead } from '../filters/bulkhead.ts';
import { cache } from '../filters/cache.ts';
import { classify } from '../filters/classify.ts';
import { concurrency } from '../filters/concurrency.ts';
import { deadline } from '../filters/deadline.ts';
import { fault } from '../filters/fault.ts';
import { health } from '../filters/health.ts';
import { hedge } from '../filters/hedge.ts';
import { load } from '../filters/load.ts';
import { mirror } from '../filters/mirror.ts';
import { propagate } from '../filters/propagate.ts';
import { type Elsewhere, retry } from '../filters/retry.ts';
import { singleFlight } from '../filters/single-flight.ts';
import { stats } from '../filters/stats.ts';
import { throttle } from '../filters/throttle.ts';
import { attemptTrace, trace } from '../filters/trace.ts';
import type { PlacedFilter } from './filter-stack.ts';
import type { Parts } from './parts.ts';
import { fallbackFor, settingsFor } from './settings-for.ts';
import type { Target } from './target.ts';
import { withFilters } from './with-filters.ts';

/** The two stacks of a target, before they are built. */
interface Stacks<Req, Res> {
  readonly client: Stack<Req, Res>;
  readonly endpoint: Stack<Req, Res>;
}

/**
 * The default stacks with the layers that the settings leave on, and these filters of the application. `other` gives the stack of another service, for
 * filters that call one.
 */
export function stacksOf<Req, Res>(
  target: Target,
  binding: Binding<Req, Res>,
  parts: Parts,
  other: (service: string) => Service<Req, Res>,
  filters: readonly PlacedFilter<Req, Res>[] = [],
): Stacks<Req, Res> {
  const { nodes } = target;
  const settings = settingsFor(binding, target.settings);
  // Who cannot read a refusal must not ask for one: it would pass for the answer.
  const softNack = binding.header === undefined ? undefined : target.softNack;
  const inner: (readonly [string, Filter<Req, Res>])[] = [
    ['attempt-trace', attemptTrace(parts.tracing)],
    ['attempt-stats', attemptStats()],
    ['health', health(nodes, binding.unread, target.unread)],
    ['classify', classify(binding)],
    ['load', load(binding, nodes, softNack)],
    ['attempt-timeout', attemptTimeout(settings.attemptTimeoutMs, binding.discard)],
  ];
  if (settings.fault !== false) inner.push(['fault', fault(settings.fault, binding)]);
  inner.push(['propagate', propagate(parts.self.service)]);
  const endpoint = Stack.of<Req, Res>(endpointRoles, withFilters(inner, endpointRoles, filters, binding.discard));
  const balance: Filter<Req, Res> = (_next, scope) =>
    hinge({
      nodes,
      clock: scope.clock,
      random: scope.random,
      softNack,
      endpoint: endpoint.build(binding.send, scope),
      hashOf: hashOfCall(settings.balancer, binding),
      filled: (ctx) => target.filled(ctx),
    });

  const layers: (readonly [string, Filter<Req, Res>])[] = [
    ['trace', trace(parts.tracing)],
    ['stats', stats()],
  ];
  if (settings.mirror !== false)
    layers.push(['mirror', mirror(settings.mirror, { binding, other, copies: target.copies })]);
  const fallback = fallbackFor(target, { binding, other });
  if (fallback !== undefined) layers.push(['fallback', fallback]);
  if (settings.cache !== false && target.answers !== undefined)
    layers.push(['cache', cache(settings.cache, target.answers, binding)]);
  if (target.breaker !== undefined) layers.push(['breaker', breaker(target.breaker)]);
  layers.push(['deadline', deadline(settings.deadlineMs)]);
  if (settings.singleFlight !== false)
    layers.push(['single-flight', singleFlight(settings.singleFlight, target.flights, binding)]);
  if (settings.bulkhead !== false) layers.push(['bulkhead', bulkhead(settings.bulkhead, target.runningByKey, binding)]);
  if (settings.concurrency !== false)
    layers.push(['concurrency', concurrency(settings.concurrency, target.inFlight, target.queue)]);
  const elsewhere = elsewhereIn(nodes);
  layers.push(['retry', retry(settings.retry || NO_RETRY, { ...target.retrying, binding, elsewhere })]);
  if (target.hedging !== undefined) layers.push(['hedge', hedge(target.hedging, binding, elsewhere)]);
  if (settings.throttle !== false && target.asked !== undefined)
    layers.push(['throttle', throttle(settings.throttle, target.asked)]);
  layers.push(['balance', balance]);
  const client = Stack.of<Req, Res>(clientRoles, withFilters(layers, clientRoles, filters, binding.discard));
  return { client, endpoint };
}

/** Gives the built stack of a target for one client library: built once for each target, never per call. */
export function assembler<Req, Res>(
  bindingOf: (target: Target) => Binding<Req, Res>,
  parts: Parts,
  filters: readonly PlacedFilter<Req, Res>[] = [],
): (target: Target) => Service<Req, Res> {
  const built = new WeakMap<Target, Service<Req, Res>>();
  // The hinge is the end of the client stack: it goes on in the stack of an endpoint, not in `next`.
  const beyond = () => Promise.reject(new Error('nothing stands inside of balance'));
  const serviceFor = (target: Target): Service<Req, Res> => {
    let service = built.get(target);
    if (service === undefined) {
      const binding = bindingOf(target);
      const other = (name: string): Service<Req, Res> => {
        // Asked at each call: it may be called under other names, or have been forgotten and made again.
        return async (req, ctx) => serviceFor(target.beside(name))(req, ctx);
      };
      const { client } = stacksOf(target, binding, parts, other, filters);
      service = client.build(beyond, scopeOf(target, binding, parts));
      built.set(target, service);
    }
    return service;
  };
  return serviceFor;
}

function elsewhereIn(set: NodeSet): Elsewhere {
  return (call, now) => set.nodes.some((node) => !tried(node, call) && node.health.fitness(now) === 'up');
}

function hashOfCall<Req, Res>({ hashOf }: ResolvedBalancer, binding: Binding<Req, Res>) {
  if (hashOf === undefined) return undefined;
  return (req: Req, { target: service, operation }: Context) =>
    hashOf({ service, operation, header: (name) => binding.requestHeader(req, name) });
}

function scopeOf<Req, Res>(
  target: Target,
  binding: Binding<Req, Res>,
  { clock, random, events, metrics }: Parts,
): Scope {
  return { target: target.service, binding: binding.name, clock, random, events, metrics };
}

/** The retry layer stays even when it may not retry: it makes the attempt of a call. */
const NO_RETRY = { attempts: 1, baseMs: 0, maxMs: 0, budgetRatio: 0, budgetPerSecond: 0 };
