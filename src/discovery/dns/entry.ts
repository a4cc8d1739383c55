import type { RegistryFactory } from '../registry.ts';
import { createDnsRegistry } from './dns-registry.ts';
import type { DnsRegistryOptions } from './options.ts';

/** DNS as a registry, with all that there is to choose. Published as `heddle/dns`. */
export type { DnsRegistryOptions } from './options.ts';

/**
 * What `registry:` of a mesh takes: `createMesh({ registry: dnsRegistry({ domain: 'prod.svc.cluster.local', port: 8080 }) })`. Throws a
 * `ConfigError` for a wrong option.
 */
export function dnsRegistry(options: DnsRegistryOptions): RegistryFactory {
  return createDnsRegistry('dnsRegistry', options);
}
