import { fieldsOf, itemsOf } from '../http/fields-of.ts';

/** What of a slice's ports is called. */
export interface ServicePort {
  /** As the slice says it: not checked yet. */
  readonly port: unknown;
  readonly protocol: 'http' | 'https';
}

/**
 * The port that is meant, of the `ports` of an EndpointSlice: the `wanted` one by its name or number; without that the one named `http`, else
 * the first. Only TCP counts. `undefined` when there is none; but a number may be wanted of a service that names no ports.
 */
export function servicePort(ports: unknown, wanted: string | number | undefined): ServicePort | undefined {
  const open = itemsOf(ports)
    .map(fieldsOf)
    .filter(({ protocol }) => protocol === undefined || protocol === 'TCP');
  if (open.length === 0) return typeof wanted === 'number' ? { port: wanted, protocol: 'http' } : undefined;
  const chosen =
    wanted === undefined
      ? (open.find(({ name }) => name === 'http') ?? open[0])
      : open.find(({ name, port }) => (typeof wanted === 'number' ? port : name) === wanted);
  if (chosen === undefined) return undefined;
  const secure = chosen['appProtocol'] === 'https' || chosen['name'] === 'https';
  return { port: chosen['port'], protocol: secure ? 'https' : 'http' };
}
