import { type BalancerOptions, type ResolvedBalancer, resolveBalancer } from '../balancer/balancer-options.ts';
import { type CheckOptions, type ResolvedChecks, resolveChecks } from '../balancer/check-options.ts';
import { type HealthOptions, type ResolvedHealth, resolveHealth } from '../balancer/health-options.ts';
import { type BreakerOptions, type ResolvedBreaker, resolveBreaker } from '../breaker/options.ts';
import { durationMs, fail, integer, options as known } from '../core/check.ts';
import { type QueueOptions, type ResolvedQueue, resolveQueue } from '../core/queue-options.ts';
import type { Setting } from '../core/setting.ts';
import { type CompiledQuery, compileQuery, type Query } from '../discovery/query.ts';
import { type BulkheadOptions, type ResolvedBulkhead, resolveBulkhead } from '../filters/bulkhead-options.ts';
import { type CacheOptions, type ResolvedCache, resolveCache } from '../filters/cache-options.ts';
import { type FallbackOptions, type ResolvedFallback, resolveFallback } from '../filters/fallback-options.ts';
import { type FaultOptions, type ResolvedFault, resolveFault } from '../filters/fault-options.ts';
import { type HedgeOptions, type ResolvedHedge, resolveHedge } from '../filters/hedge-options.ts';
import { type MirrorOptions, type ResolvedMirror, resolveMirror } from '../filters/mirror-options.ts';
import { type ResolvedRetry, type RetryOptions, resolveRetry } from '../filters/retry-options.ts';
import {
  type ResolvedSingleFlight,
  resolveSingleFlight,
  type SingleFlightOptions,
} from '../filters/single-flight-options.ts';
import { type ResolvedThrottle, resolveThrottle, type ThrottleOptions } from '../filters/throttle-options.ts';
import { type ConnectionOptions, type ResolvedConnections, resolveConnections } from './connection-options.ts';
import {
  type LocalityOptions,
  type ResolvedLocality,
  type ResolvedSubset,
  resolveLocality,
  resolveSubset,
  type SubsetOptions,
} from './locality-options.ts';

/** How one service is called. `false` switches a layer off. Every field is checked when the mesh is made. */
export interface ServiceOptions {
  /** Which of its instances are meant. @default all */
  readonly where?: Query | undefined;
  /** Which instances are preferred. `false`: neither their place nor their `priority` counts. @default as each option says */
  readonly locality?: LocalityOptions | false | undefined;
  /** How many of a large service are called. @default false, all */
  readonly subset?: SubsetOptions | false | undefined;
  /** Limit of a whole call, all attempts, redirects that are followed and the body included. Milliseconds, at least 1. @default 10_000 */
  readonly deadlineMs?: number | false | undefined;
  /** Limit of one attempt, its body included: switch it off for bodies that stream for longer. Milliseconds, at least 1. @default 3_000 */
  readonly attemptTimeoutMs?: number | false | undefined;
  /** When a call is sent again. @default as each option says */
  readonly retry?: RetryOptions | false | undefined;
  /** When a call that takes long is sent to a second instance as well. @default false */
  readonly hedge?: HedgeOptions | false | undefined;
  /** When calls fail fast because all of the service is down. @default as each option says */
  readonly breaker?: BreakerOptions | false | undefined;
  /** When one instance is taken out of use. @default as each option says */
  readonly health?: HealthOptions | false | undefined;
  /** How each instance is asked whether it is well, beside the calls. @default false */
  readonly checks?: CheckOptions | false | undefined;
  /** Most calls that this process runs at the same time. 1 to 1,000,000. @default 1_024 */
  readonly concurrency?: number | false | undefined;
  /** What waits for a moment, and is not refused at once, when `concurrency` is reached. @default false */
  readonly queue?: QueueOptions | false | undefined;
  /** When calls fail here because the service would refuse them. @default false */
  readonly throttle?: ThrottleOptions | false | undefined;
  /** What a call is answered with that failed. @default false */
  readonly fallback?: FallbackOptions | false | undefined;
  /** How many answers to GETs are kept and given again, for as long as they say. Only for `mesh.client`. @default false */
  readonly cache?: CacheOptions | false | undefined;
  /** Whether GETs that are the same, and made at the same time, are sent once. Only for `mesh.client`. @default false */
  readonly singleFlight?: SingleFlightOptions | false | undefined;
  /** How many calls for one and the same (a tenant, a user) may be under way. @default false */
  readonly bulkhead?: BulkheadOptions | false | undefined;
  /** Which calls are copied to another service, whose answers nobody waits for. @default false */
  readonly mirror?: MirrorOptions | false | undefined;
  /** Faults that attempts are made to meet, to see what comes of it. @default false */
  readonly fault?: FaultOptions | false | undefined;
  /** The connections to each of its instances. @default as each option says */
  readonly connections?: ConnectionOptions | undefined;
  /** How an endpoint is chosen. @default 'recall' */
  readonly balancer?: BalancerOptions | undefined;
}

export interface ResolvedService {
  readonly where: CompiledQuery;
  readonly locality: ResolvedLocality | false;
  readonly subset: ResolvedSubset | false;
  readonly deadlineMs: number | false;
  readonly attemptTimeoutMs: number | false;
  readonly retry: ResolvedRetry | false;
  readonly hedge: ResolvedHedge | false;
  readonly breaker: ResolvedBreaker | false;
  readonly health: ResolvedHealth | false;
  readonly checks: ResolvedChecks | false;
  readonly concurrency: number | false;
  readonly queue: ResolvedQueue | false;
  readonly throttle: ResolvedThrottle | false;
  readonly fallback: ResolvedFallback | false;
  readonly cache: ResolvedCache | false;
  readonly singleFlight: ResolvedSingleFlight | false;
  readonly bulkhead: ResolvedBulkhead | false;
  readonly mirror: ResolvedMirror | false;
  readonly fault: ResolvedFault | false;
  readonly connections: ResolvedConnections;
  readonly balancer: ResolvedBalancer;
}

export const serviceOptionNames: readonly (keyof ServiceOptions)[] = [
  'where',
  'locality',
  'subset',
  'deadlineMs',
  'attemptTimeoutMs',
  'retry',
  'hedge',
  'breaker',
  'health',
  'checks',
  'concurrency',
  'queue',
  'throttle',
  'fallback',
  'cache',
  'singleFlight',
  'bulkhead',
  'mirror',
  'fault',
  'connections',
  'balancer',
];

/** Options of one service from one place: what the place is called, and what it says. */
export interface Layer {
  readonly from: string;
  readonly options: ServiceOptions;
}

/** Checks what one place says, whether or not it is ever used. */
export function checkService(name: string, options: ServiceOptions): void {
  known(name, options, serviceOptionNames);
  resolveMerged(name, options);
}

/** The settings of a service: for each key what the last of `layers` says that says anything. */
export function resolveService(name: string, layers: readonly Layer[]): ResolvedService {
  return resolveMerged(name, merge(layers));
}

function resolveMerged(name: string, options: ServiceOptions): ResolvedService {
  const settings = resolveEach(name, options);
  const { subset, balancer, concurrency, queue } = settings;
  if (subset !== false && balancer.hashOf !== undefined)
    fail(
      `${name}.subset`,
      `false where ${name}.balancer is '${balancer.kind}': each process would send a key to another instance, its own subset being another`,
      subset,
    );
  if (concurrency === false && queue !== false)
    fail(`${name}.queue`, `false where ${name}.concurrency is false`, queue);
  return settings;
}

function resolveEach(name: string, options: ServiceOptions): ResolvedService {
  return {
    where: compileQuery(`${name}.where`, options.where),
    locality: orOff(options.locality, (value) => resolveLocality(`${name}.locality`, value)),
    subset: resolveSubset(`${name}.subset`, options.subset),
    deadlineMs: orOff(options.deadlineMs, (value = 10_000) => durationMs(`${name}.deadlineMs`, value)),
    attemptTimeoutMs: orOff(options.attemptTimeoutMs, (value = 3_000) => durationMs(`${name}.attemptTimeoutMs`, value)),
    retry: orOff(options.retry, (value) => resolveRetry(`${name}.retry`, value)),
    hedge: orOff(options.hedge, (value) => value !== undefined && resolveHedge(`${name}.hedge`, value)),
    breaker: orOff(options.breaker, (value) => resolveBreaker(`${name}.breaker`, value)),
    health: orOff(options.health, (value) => resolveHealth(`${name}.health`, value)),
    checks: orOff(options.checks, (value) => value !== undefined && resolveChecks(`${name}.checks`, value)),
    concurrency: orOff(options.concurrency, (value = 1_024) =>
      integer(`${name}.concurrency`, value, { min: 1, max: 1_000_000 }),
    ),
    queue: orOff(options.queue, (value) => value !== undefined && resolveQueue(`${name}.queue`, value)),
    throttle: orOff(options.throttle, (value) => value !== undefined && resolveThrottle(`${name}.throttle`, value)),
    fallback: orOff(options.fallback, (value) => value !== undefined && resolveFallback(`${name}.fallback`, value)),
    cache: orOff(options.cache, (value) => value !== undefined && resolveCache(`${name}.cache`, value)),
    singleFlight: orOff(
      options.singleFlight,
      (value) => value !== undefined && resolveSingleFlight(`${name}.singleFlight`, value),
    ),
    bulkhead: orOff(options.bulkhead, (value) => value !== undefined && resolveBulkhead(`${name}.bulkhead`, value)),
    mirror: orOff(options.mirror, (value) => value !== undefined && resolveMirror(`${name}.mirror`, value)),
    fault: orOff(options.fault, (value) => value !== undefined && resolveFault(`${name}.fault`, value)),
    connections: resolveConnections(`${name}.connections`, options.connections),
    balancer: resolveBalancer(`${name}.balancer`, options.balancer),
  };
}

function orOff<T, R>(value: T | false | undefined, resolve: (value: T | undefined) => R): R | false {
  return value === false ? false : resolve(value);
}

/** What a layer says whole, and not key by key. */
const WHOLE: ReadonlySet<string> = new Set<keyof ServiceOptions>(['where', 'balancer']);

/** Lays the layers over each other; groups of options key by key, unless one of the two is `false`. */
function merge(layers: readonly Layer[]): ServiceOptions {
  const merged: Record<string, unknown> = {};
  for (const { options } of layers) {
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined) continue;
      const below = merged[key];
      merged[key] = !WHOLE.has(key) && isGroup(below) && isGroup(value) ? { ...below, ...defined(value) } : value;
    }
  }
  return merged;
}

function isGroup(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Leaves out keys whose value is `undefined`, which a spread would let erase what lies below. */
function defined(group: object): object {
  return Object.fromEntries(Object.entries(group).filter(([, value]) => value !== undefined));
}

/** All settings of a service, each with the place that decided it, for `explain`. */
export function settingsOf(resolved: ResolvedService, layers: readonly Layer[]): readonly Setting[] {
  const settings: Setting[] = [];
  for (const key of serviceOptionNames) {
    const value = resolved[key];
    if (key === 'where') settings.push({ name: key, value: String(value) || 'all', from: source(layers, key) });
    else if (key === 'balancer') {
      const { kind, details } = resolved.balancer;
      const from = source(layers, key);
      settings.push({ name: key, value: kind, from });
      for (const [inner, one] of Object.entries(details)) settings.push({ name: `${key}.${inner}`, value: one, from });
    } else if (typeof value === 'object') {
      for (const [inner, one] of Object.entries(value))
        settings.push({
          name: `${key}.${inner}`,
          value: shown(one),
          from: source(layers, key, inner),
        });
    } else settings.push({ name: key, value: value as Setting['value'], from: source(layers, key) }); // only `where` is a CompiledQuery
  }
  return settings;
}

/** A setting as a person reads it. */
function shown(value: unknown): Setting['value'] {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', then ');
  if (typeof value === 'object' && value !== null && 'words' in value) return String(value.words);
  return value as Setting['value']; // all else that a group resolves to
}

function source(layers: readonly Layer[], key: keyof ServiceOptions, inner?: string): string {
  const says = ({ options }: Layer) => {
    const value = options[key];
    if (value === undefined) return false;
    return (
      inner === undefined ||
      !isGroup(value) ||
      Object.entries(value).some(([name, one]) => name === inner && one !== undefined)
    );
  };
  return layers.findLast(says)?.from ?? 'default';
}
