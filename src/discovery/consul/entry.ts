import type { RegistryFactory } from '../registry.ts';
import { createConsulRegistry } from './consul-registry.ts';
import type { ConsulRegistryOptions } from './options.ts';

/** The services of a Consul agent as a registry. Published as `heddle/consul`. */
export type { ConsulRegistryOptions } from './options.ts';

/** What `registry:` of a mesh takes: `createMesh({ registry: consulRegistry({ register: true }) })`. Throws a `ConfigError` for a wrong option. */
export function consulRegistry(options: ConsulRegistryOptions = {}): RegistryFactory {
  return createConsulRegistry('consulRegistry', options);
}
