import { isIP } from 'node:net';
import type { AddressRule } from '../address.ts';
import { fieldsOf, itemsOf } from '../http/fields-of.ts';
import { type Refusal, readRecord } from '../record.ts';
import type { Instance } from '../registry.ts';
import { servicePort } from './service-port.ts';

/** One EndpointSlice: a part of the endpoints of a service, all of one family of addresses. */
export interface Slice {
  readonly family: 4 | 6;
  readonly instances: readonly Instance[];
}

/** What a slice must be of, and what is added to what it says. */
export interface SliceContext {
  /** The service and its namespace as Kubernetes names them: a server knows itself by that name, whoever calls it from elsewhere. */
  readonly kubernetesService: string;
  readonly namespace: string;
  readonly port: string | number | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly addresses: AddressRule | undefined;
  /** Is told of what was skipped. */
  readonly rejected: (id: string, refusal: Refusal) => void;
}

/** Longest name of a pod that its id is made of; beyond that, its unique part is enough. */
const MAX_NAME = 100;

/**
 * Reads an EndpointSlice of `discovery.k8s.io/v1`. `undefined` when it is none of the service, or says nothing that can be used. An endpoint
 * that cannot be called is skipped, and the others are taken.
 *
 * What a pod says of itself, by way of its kubelet, is believed: one that terminates is `draining`, one that is not ready is `out`. A
 * condition that is not given means ready, and not terminating. Of an endpoint's addresses the first is as good as any.
 */
export function readSlice(object: unknown, context: SliceContext): Slice | undefined {
  const { metadata, addressType, endpoints, ports } = fieldsOf(object);
  const { name, namespace, labels } = fieldsOf(metadata);
  const id = typeof name === 'string' ? name : '';
  const refuse = (refusal: Refusal) => {
    context.rejected(id, refusal);
    return undefined;
  };
  const service = fieldsOf(labels)['kubernetes.io/service-name'];
  if (namespace !== context.namespace || service !== context.kubernetesService) return refuse('service');
  // A name would be resolved anew for each connection, by whoever answers for it then.
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return refuse('host');
  const family = addressType === 'IPv4' ? 4 : 6;
  const listed = itemsOf(endpoints);
  const at = servicePort(ports, context.port);
  if (at === undefined) return listed.length === 0 ? { family, instances: [] } : refuse('port');

  const instances: Instance[] = [];
  for (const endpoint of listed) {
    const { addresses, conditions, targetRef, zone, nodeName } = fieldsOf(endpoint);
    const [address] = itemsOf(addresses);
    const host = typeof address === 'string' ? address : '';
    const own = idOf(targetRef, `${host}:${typeof at.port === 'number' ? at.port : ''}`);
    const parsed = readRecord(
      {
        id: own,
        service,
        host: isIP(host) === family ? host : '',
        port: at.port,
        protocol: at.protocol,
        attributes: {
          ...context.attributes,
          ...(isGiven(zone) ? { zone } : {}),
          ...(isGiven(nodeName) ? { node: nodeName } : {}),
        },
        weight: 1,
        status: statusOf(conditions),
        // A pod that is made anew has another id.
        generation: 0,
      },
      { addresses: context.addresses },
    );
    if ('refused' in parsed) context.rejected(own, parsed.refused);
    else instances.push(parsed.instance);
  }
  return { family, instances };
}

/** A pod is told by its name, for people, and its uid, which no other ever has; an address that nobody stands behind is its own name. */
function idOf(targetRef: unknown, address: string): string {
  const { kind, name, uid } = fieldsOf(targetRef);
  if (kind !== 'Pod' || !isGiven(uid)) return address;
  return isGiven(name) && name.length <= MAX_NAME ? `${name}.${uid}` : uid;
}

function statusOf(conditions: unknown): Instance['status'] {
  const { ready, terminating } = fieldsOf(conditions);
  if (terminating === true) return 'draining';
  return ready === false ? 'out' : 'up';
}

function isGiven(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
