import { fileURLToPath } from 'node:url';
import { fail } from '../core/check.ts';
import { withoutCredentials } from './credentials.ts';
import { createDnsRegistry } from './dns/dns-registry.ts';
import { parseDnsUrl } from './dns/dns-url.ts';
import { createFileRegistry } from './file/file-registry.ts';
import { createRedisRegistry } from './redis/redis-registry.ts';
import type { Registry, RegistryFactory } from './registry.ts';
import { createStaticRegistry, type StaticLists } from './static.ts';

/** What names a registry: a URL (`redis://…`, `rediss://…`, `file:DIR`, `dns:DOMAIN`), lists of addresses, a function that makes one, or one. */
export type RegistryOption = string | StaticLists | RegistryFactory | Registry;

/** Finds out which registry is meant; `name` is what the option is called in errors. */
export function openRegistry(name: string, value: unknown): RegistryFactory {
  if (typeof value === 'string') return openUrl(name, value);
  if (typeof value === 'function') return value as RegistryFactory; // a function's parameters cannot be seen at run time
  if (isRegistry(value)) return () => value;
  if (isPlainObject(value)) return createStaticRegistry(value as StaticLists); // which checks all of it
  return refuse(name, value);
}

function openUrl(name: string, url: string): RegistryFactory {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return createRedisRegistry(name, { url });
  if (url.startsWith('file://') && URL.canParse(url)) return createFileRegistry(fileURLToPath(url));
  if (url.startsWith('file:') && url.length > 'file:'.length) return createFileRegistry(url.slice('file:'.length));
  const dns = parseDnsUrl(name, url);
  return dns === undefined ? refuse(name, withoutCredentials(url)) : createDnsRegistry(name, dns);
}

function refuse(name: string, value: unknown): never {
  fail(
    name,
    "'redis://…', 'rediss://…', 'file:DIR', 'dns:DOMAIN', lists of addresses by service, or a registry",
    value,
  );
}

function isRegistry(value: unknown): value is Registry {
  if (typeof value !== 'object' || value === null) return false;
  const { announce, watch, close } = value as Partial<Registry>; // only to see what is there
  return typeof announce === 'function' && typeof watch === 'function' && typeof close === 'function';
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
