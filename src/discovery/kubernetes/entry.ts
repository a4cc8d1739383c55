import type { RegistryFactory } from '../registry.ts';
import { createKubernetesRegistry } from './kubernetes-registry.ts';
import type { KubernetesRegistryOptions } from './options.ts';

/** The EndpointSlices of a Kubernetes cluster as a registry. Published as `heddle/kubernetes`. */
export type { KubernetesRegistryOptions, Token } from './options.ts';

/** What `registry:` of a mesh takes: `createMesh({ registry: kubernetesRegistry({ port: 'http' }) })`. Throws a `ConfigError` for a wrong option. */
export function kubernetesRegistry(options: KubernetesRegistryOptions = {}): RegistryFactory {
  return createKubernetesRegistry('kubernetesRegistry', options);
}
