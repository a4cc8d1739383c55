import type { AddressRule } from '../address.ts';
import { fieldsOf, itemsOf } from '../http/fields-of.ts';
import { isText, type ParsedRecord, readRecord } from '../record.ts';
import type { Instance } from '../registry.ts';
import { recordIn } from './record-in-meta.ts';

/** What an entry of the health endpoint says, and under which id. */
export type HealthEntry =
  /** The id under which it is listed, and what it says; or why it is refused. */
  | { readonly id: string; readonly parsed: ParsedRecord }
  /** Nobody has said lately how it is. */
  | undefined;

/** What an entry must be of, and what is added to what it says. */
export interface HealthContext {
  readonly service: string;
  readonly protocol: 'http' | 'https';
  readonly addresses: AddressRule | undefined;
}

interface Health {
  readonly status: Instance['status'];
  /** Whether a check warns. */
  readonly warning: boolean;
}

const MAX_WEIGHT = 1_000;
const MAX_ATTRIBUTES = 60;
const MAX_NAME = 64;
const MAX_VALUE = 512;

/**
 * Reads an entry of `/v1/health/service/:service`. A service that a mesh has registered is taken by its own record; of any other, metadata
 * that can be attributes become attributes, tags become the attribute `tags`, and the weight is the one for its health.
 *
 * The agent of an instance is its neighbour, and what its checks find is believed: critical, or in maintenance, is `out`. But when the
 * checks are silent nobody has said anything: a beat that stayed away, an agent that has just started, a node that the other nodes do not
 * hear. Such an instance is told by leaving it out, which puts it in doubt.
 */
export function readHealthEntry(entry: unknown, { service, protocol, addresses }: HealthContext): HealthEntry {
  const { Node: node, Service: of, Checks: checks } = fieldsOf(entry);
  const health = healthOf(itemsOf(checks));
  if (health === undefined) return undefined;
  const { ID: ownId, Address: address, Port: port, Meta: meta, Tags: tags, Weights: weights } = fieldsOf(of);
  const { Node: nodeName, Address: nodeAddress } = fieldsOf(node);
  const serviceId = typeof ownId === 'string' ? ownId : '';
  const record = recordIn(meta, { id: serviceId, service, addresses });
  if (record !== undefined) {
    if ('refused' in record) return { id: serviceId, parsed: record };
    const { instance } = record;
    return { id: serviceId, parsed: { instance: { ...instance, status: health.status } } };
  }

  // The same id may be on every node, and often is: it is the name of the service when nobody chose one.
  const id = typeof nodeName === 'string' ? `${nodeName}/${serviceId}` : serviceId;
  const { Passing: passing, Warning: warned } = fieldsOf(weights);
  const weight = health.warning ? warned : passing;
  const parsed = readRecord(
    {
      id,
      service,
      host: address === undefined || address === '' ? nodeAddress : address,
      port,
      protocol,
      attributes: { ...localityOf(node), ...localityOf(of), ...attributesOf(meta), ...tagsOf(tags) },
      weight: typeof weight === 'number' && weight > 0 ? Math.min(weight, MAX_WEIGHT) : 1,
      // A weight of 0 is for a state that wants no calls.
      status: weight === 0 ? 'out' : health.status,
      generation: 0,
    },
    { service, addresses },
  );
  return { id, parsed };
}

/** `undefined` when those who should know have not said anything. */
function healthOf(checks: readonly unknown[]): Health | undefined {
  let silent = false;
  let warning = false;
  for (const check of checks.map(fieldsOf)) {
    if (check['Status'] === 'warning') warning = true;
    if (check['Status'] !== 'critical') continue;
    if (!isSilent(check)) return { status: 'out', warning };
    silent = true;
  }
  return silent ? undefined : { status: 'up', warning };
}

/** Whether a critical check tells of silence, and not of an answer. */
function isSilent({ CheckID: id, Output: output }: Readonly<Record<string, unknown>>): boolean {
  if (id === 'serfHealth') return true;
  if (typeof id === 'string' && /^_(node|service)_maintenance/.test(id)) return false;
  return output === '' || (typeof output === 'string' && output.startsWith('TTL expired'));
}

/** What of metadata can be attributes; the rest is left out, since it was never meant for a mesh. */
function attributesOf(meta: unknown): Readonly<Record<string, string>> {
  // Without a prototype, `__proto__` is a name like any other.
  const attributes: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(fieldsOf(meta)).slice(0, MAX_ATTRIBUTES))
    if (isText(name, MAX_NAME) && isText(value, MAX_VALUE)) attributes[name] = value;
  return attributes;
}

function tagsOf(tags: unknown): Readonly<Record<string, string>> {
  // Only what is a text: of anything else, making it one may throw.
  const text = itemsOf(tags)
    .filter((tag) => typeof tag === 'string')
    .join(',');
  return isText(text, MAX_VALUE) ? { tags: text } : {};
}

function localityOf(of: unknown): Readonly<Record<string, string>> {
  const { Zone: zone, Region: region } = fieldsOf(fieldsOf(of)['Locality']);
  return attributesOf({ zone, region });
}
