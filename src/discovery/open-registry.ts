import { fileURLToPath } from 'node:url';
import { fail, hasMethods } from '../core/check.ts';
import { composeRegistries } from './compose/composite-registry.ts';
import { firstThatKnows } from './compose/first-that-knows.ts';
import { createConsulRegistry } from './consul/consul-registry.ts';
import { consulUrl } from './consul/options.ts';
import { withoutCredentials } from './credentials.ts';
import { createDnsRegistry } from './dns/dns-registry.ts';
import { parseDnsUrl } from './dns/dns-url.ts';
import { createFileRegistry } from './file/file-registry.ts';
import { createKubernetesRegistry } from './kubernetes/kubernetes-registry.ts';
import { kubernetesUrl } from './kubernetes/options.ts';
import { createRedisRegistry } from './redis/redis-registry.ts';
import type { Registry, RegistryFactory } from './registry.ts';
import { createStaticRegistry, type StaticLists } from './static.ts';

/**
 * What names a registry: a URL (`redis://…`, `rediss://…`, `file:DIR`, `dns:DOMAIN`, `kubernetes:…`, `consul:…`), lists of addresses, a function
 * that makes one with what the mesh gives it, or one that is ready, and so hears nothing of `addresses` and `cacheDir`. Several in an array are
 * asked in order: the first that knows a service decides. `merged(…)` takes what all of them know.
 */
export type RegistryOption = string | StaticLists | RegistryFactory | Registry | readonly RegistryOption[];

const METHODS = ['announce', 'watch', 'services', 'close'];

/** Finds out which registry is meant; `name` is what the option is called in errors. */
export function openRegistry(name: string, value: unknown): RegistryFactory {
  if (typeof value === 'string') return openUrl(name, value);
  // A function's parameters cannot be seen at run time.
  if (typeof value === 'function') return (scope) => made(name, (value as RegistryFactory)(scope));
  if (isRegistry(value)) return () => value;
  if (isPlainObject(value)) return createStaticRegistry(value as StaticLists, name); // which checks all of it
  if (Array.isArray(value) && value.length > 0) return openInOrder(name, value);
  return refuse(name, value);
}

function openInOrder(name: string, values: readonly unknown[]): RegistryFactory {
  const factories = values.map((value, i) => openRegistry(`${name}[${i}]`, value));
  const [only] = factories;
  if (only !== undefined && factories.length === 1) return only;
  return composeRegistries({ name: (names) => `[${names.join(', ')}]`, combine: firstThatKnows }, factories);
}

function openUrl(name: string, url: string): RegistryFactory {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return createRedisRegistry(name, { url });
  if (url.startsWith('file://') && URL.canParse(url)) return createFileRegistry(fileURLToPath(url));
  if (url.startsWith('file:') && url.length > 'file:'.length) return createFileRegistry(url.slice('file:'.length));
  const dns = parseDnsUrl(name, url);
  if (dns !== undefined) return createDnsRegistry(name, dns);
  const kubernetes = kubernetesUrl(url);
  if (kubernetes !== undefined) return createKubernetesRegistry(name, kubernetes);
  const consul = consulUrl(url);
  if (consul !== undefined) return createConsulRegistry(name, consul);
  return refuse(name, withoutCredentials(url));
}

function refuse(name: string, value: unknown): never {
  fail(
    name,
    "'redis://…', 'rediss://…', 'file:DIR', 'dns:DOMAIN', 'kubernetes:…', 'consul:…', lists of addresses by service, a registry, or several in an array",
    value,
  );
}

/** What a function gave in the place of a registry. */
function made(name: string, value: unknown): Registry {
  if (!isRegistry(value)) fail(name, `a function that gives a registry (${METHODS.join(', ')})`, value);
  return value;
}

function isRegistry(value: unknown): value is Registry {
  return hasMethods(value, METHODS);
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
