import type { Instance } from '../../src/discovery/registry.ts';

/** An instance that looks like one of a real fleet: what it costs to keep and to tell depends on its size. */
export function instanceOf(service: string, nth: number, fields: Partial<Instance> = {}): Instance {
  return {
    id: `${service}-ip-10-0-${(nth >> 8) & 255}-${nth & 255}-4211-${(nth * 7919 + 1_000_000).toString(36)}`,
    service,
    host: `10.0.${(nth >> 8) & 255}.${nth & 255}`,
    port: 8080,
    protocol: 'http',
    attributes: { environment: 'production', version: '1.4.2', zone: `eu-1${'abc'[nth % 3]}` },
    weight: 1,
    status: 'up',
    generation: 1_764_000_000_000 + nth,
    ...fields,
  };
}

/** The name of a service. */
export function serviceOf(nth: number): string {
  return `service-${nth}`;
}
