import { expect, test } from 'vitest';
import { resolveChecks } from '../src/balancer/check-options.ts';
import { resolveQueue } from '../src/core/queue-options.ts';
import { resolveConsulOptions } from '../src/discovery/consul/options.ts';
import { resolveDnsOptions } from '../src/discovery/dns/options.ts';
import { resolveKubernetesOptions } from '../src/discovery/kubernetes/options.ts';
import { resolveRedisOptions } from '../src/discovery/redis/options.ts';
import { createStaticRegistry } from '../src/discovery/static.ts';
import { resolveBulkhead } from '../src/filters/bulkhead-options.ts';
import { resolveCache } from '../src/filters/cache-options.ts';
import { resolveFallback } from '../src/filters/fallback-options.ts';
import { resolveFault } from '../src/filters/fault-options.ts';
import { resolveHedge } from '../src/filters/hedge-options.ts';
import { resolveMirror } from '../src/filters/mirror-options.ts';
import { resolveThrottle } from '../src/filters/throttle-options.ts';
import { resolveLimit } from '../src/server/limit/limit-options.ts';
import { createScope } from './discovery/setup.ts';
import { type Document, readDocument, rowsOf, sectionOf } from './support/markdown.ts';
import { membersOf } from './support/type-members.ts';

const { view } = createStaticRegistry({ a: ['http://10.0.0.1'] })(createScope()).watch('a', () => {});

/** What an option is when nothing is said, by its name; one that is `undefined` then has a default in words. */
type Defaults = Readonly<Record<string, unknown>>;

interface Table {
  readonly document: Document;
  readonly types: readonly (readonly [path: string, type: string])[];
  readonly defaults: Defaults;
}

const registries = readDocument('docs/registries.md');
const discovery = readDocument('docs/discovery.md');
const health = readDocument('docs/health.md');
const overload = readDocument('docs/overload.md');
const of = (part: string, type: string) => [`src/discovery/${part}.ts`, type] as const;
const redis = resolveRedisOptions('redis', { url: 'redis://a' });
const kubernetes = resolveKubernetesOptions('kubernetes', {});
const fault = resolveFault('fault', { abort: 503 });
const consul = resolveConsulOptions('consul', {});

const tables: readonly Table[] = [
  {
    document: sectionOf(registries, 'Lists in code'),
    types: [of('static', 'StaticAddress')],
    defaults: { weight: view.instances[0]?.weight },
  },
  {
    document: sectionOf(registries, 'Kubernetes'),
    types: [of('kubernetes/options', 'KubernetesRegistryOptions')],
    defaults: { ...kubernetes, server: undefined, attributes: undefined },
  },
  {
    document: sectionOf(registries, 'Consul'),
    types: [of('consul/options', 'ConsulRegistryOptions')],
    defaults: { ...consul, url: consul.url.origin, tags: undefined },
  },
  {
    document: sectionOf(registries, 'DNS'),
    types: [of('dns/options', 'DnsRegistryOptions')],
    defaults: { ...resolveDnsOptions('dns', { domain: 'a' }), domain: undefined },
  },
  {
    document: sectionOf(discovery, 'How Redis is reached'),
    types: [of('redis/options', 'RedisPlace'), of('redis/options', 'RedisRegistrySettings')],
    defaults: { ...redis, source: undefined },
  },
  {
    document: sectionOf(discovery, 'Where a registry may send you'),
    types: [of('address-options', 'AddressOptions')],
    defaults: {},
  },
  {
    document: sectionOf(health, 'Checks'),
    types: [['src/balancer/check-options.ts', 'CheckOptions']],
    defaults: { ...resolveChecks('checks', {}) },
  },
  {
    document: sectionOf(overload, 'The limit'),
    types: [['src/server/limit/limit-options.ts', 'LimitOptions']],
    defaults: { ...resolveLimit('limit', {}) },
  },
  {
    document: sectionOf(overload, 'The queue'),
    types: [['src/core/queue-options.ts', 'QueueOptions']],
    defaults: { ...resolveQueue('queue', {}) },
  },
  {
    document: sectionOf(overload, 'The rate'),
    types: [['src/server/limit/limit-options.ts', 'RateOptions']],
    defaults: {},
  },
  {
    document: sectionOf(overload, 'The throttle'),
    types: [['src/filters/throttle-options.ts', 'ThrottleOptions']],
    defaults: { ...resolveThrottle('throttle', {}) },
  },
  {
    document: sectionOf(overload, 'Minimal code'),
    types: [['src/server/limit/limit-options.ts', 'InboundOptions']],
    defaults: { limit: false, rate: false },
  },
  {
    document: sectionOf(readDocument('docs/retries.md'), 'Per call'),
    types: [['src/client/call-limits.ts', 'CallLimits']],
    defaults: {},
  },
  {
    document: sectionOf(readDocument('docs/retries.md'), 'Hedging'),
    types: [['src/filters/hedge-options.ts', 'HedgeOptions']],
    defaults: { ...resolveHedge('hedge', {}) },
  },
  {
    document: sectionOf(readDocument('docs/any-client.md'), 'Tuning'),
    types: [['src/client/service/send-options.ts', 'SendOptions']],
    defaults: {},
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'The fallback'),
    types: [['src/filters/fallback-options.ts', 'FallbackOptions']],
    defaults: { limitMs: resolveFallback('fallback', { answer: {} }).limitMs },
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'What is kept'),
    types: [['src/filters/cache-options.ts', 'CacheOptions']],
    defaults: { ...resolveCache('cache', {}) },
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'Which GETs are the same'),
    types: [['src/filters/single-flight-options.ts', 'SingleFlightOptions']],
    defaults: {},
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'The bulkhead'),
    types: [['src/filters/bulkhead-options.ts', 'BulkheadOptions']],
    defaults: { max: resolveBulkhead('bulkhead', { by: { header: 'a' } }).max },
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'The copies'),
    types: [['src/filters/mirror-options.ts', 'MirrorOptions']],
    defaults: { ...resolveMirror('mirror', { service: 'a' }), service: undefined },
  },
  {
    document: sectionOf(readDocument('docs/fallbacks.md'), 'The faults'),
    types: [['src/filters/fault-options.ts', 'FaultOptions']],
    defaults: { delayRatio: fault.delayRatio, abortRatio: fault.abortRatio, allowInProduction: false },
  },
  { document: readDocument('README.md'), types: [['src/mesh-options.ts', 'MeshOptions']], defaults: {} },
];

/** The names at the beginning of a row: one, or several that are told together. */
const namesOf = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

test.each(tables)('a table of $document.path has the options of $types.0.1, with their defaults', (table) => {
  const { document, types, defaults } = table;
  const rows = rowsOf(document, 'option');
  const real = types.flatMap(([path, type]) => membersOf(path, type)).map(({ name }) => name);
  expect(rows.flatMap(({ option }) => namesOf(option)).toSorted()).toEqual(real.toSorted());
  const said = rows.map(({ option, default: value = '' }) => [namesOf(option)[0] ?? '', value] as const);
  const told = said.filter(([option]) => defaults[option] !== undefined);
  expect(told.map(([option, value]) => `${option}: ${value.replaceAll('`', '').split(',')[0]}`)).toEqual(
    told.map(([option]) => `${option}: ${String(defaults[option])}`),
  );
});
