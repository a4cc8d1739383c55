import { isServiceName } from '../core/check.ts';
import { ConfigError } from '../core/errors.ts';
import { type AddressRule, defaultAddresses } from './address.ts';
import type { Instance } from './registry.ts';

/** What a record must be, by the part of it that is wrong. */
const REFUSALS = {
  size: 'its record must have at most 4,096 bytes',
  json: 'its record must be JSON',
  record: 'its record must be an object',
  id: 'its id must be 1 to 200 printable characters, and those that it is listed under',
  service: 'its service must be a service name, and the one that it is listed under',
  host: 'its host must be an IP address that others can call, or a host name, and allowed by the option addresses',
  port: 'its port must be an integer from 1 to 65535, and allowed by the option addresses',
  protocol: 'its protocol must be http or https',
  attributes: 'its attributes must be at most 64 printable strings of at most 512 characters',
  weight: 'its weight must be a number above 0 and of at most 1000',
  status: 'its status must be up, draining or out',
  generation: 'its generation must be an integer',
} as const;

/** The part of a record for which it was refused: few and fixed, so that they can label a metric. */
export type Refusal = keyof typeof REFUSALS;

/** What is wrong with a record, in words for people. */
export function describeRefusal(refusal: Refusal): string {
  return REFUSALS[refusal];
}

/** An instance as it stood in a registry, or why it is none. */
export type ParsedRecord = { readonly instance: Instance } | { readonly refused: Refusal };

/** Whom a record must be of, and where it may lead: to any literal address that can be called when nothing is said. */
export interface Expected {
  readonly id?: string;
  readonly service?: string;
  readonly addresses?: AddressRule | undefined;
}

/** Most bytes of one record. */
const MAX_BYTES = 4_096;
const MAX_ATTRIBUTES = 64;
const MAX_ATTRIBUTE_NAME = 64;
const MAX_ATTRIBUTE_VALUE = 512;
const MAX_ID = 200;
const MAX_WEIGHT = 1_000;
// Also what turns the direction of a line of a log around, and what bytes that are no UTF-8 become.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;

/**
 * The record of an instance, as every registry keeps it. Throws a `ConfigError` for one that readers would refuse who go by the same
 * `addresses`.
 */
export function serialiseRecord(instance: Instance, addresses?: AddressRule): string {
  const text = recordText(instance);
  const parsed = parseRecord(text, { addresses });
  if ('refused' in parsed) {
    const { id, service } = instance;
    throw new ConfigError(`the instance '${id}' of '${service}' cannot be announced: ${REFUSALS[parsed.refused]}`);
  }
  return text;
}

/** The same, of an instance that was read from a record. */
export function recordText(instance: Instance): string {
  const { id, service, host, port, protocol, attributes, weight, status, generation } = instance;
  return JSON.stringify({ id, service, host, port, protocol, attributes, weight, status, generation });
}

/**
 * Reads a record that anybody may have written. Never throws. Takes only the fields it knows, so that `__proto__` and the like do nothing.
 * With `id` and `service` the record must be of these: an entry cannot speak for another.
 */
export function parseRecord(text: string, expected: Expected = {}): ParsedRecord {
  if (text.length > MAX_BYTES || Buffer.byteLength(text) > MAX_BYTES) return { refused: 'size' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { refused: 'json' };
  }
  return readRecord(parsed, expected);
}

/** The same for a record that is an object already. */
export function readRecord(parsed: unknown, expected: Expected = {}): ParsedRecord {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { refused: 'record' };
  const record: Partial<Record<keyof Instance, unknown>> = parsed; // every field is checked below
  const { id, service, host, port, protocol, weight, status, generation } = record;

  if (!isText(id, MAX_ID) || (expected.id !== undefined && id !== expected.id)) return { refused: 'id' };
  if (!isServiceName(service) || (expected.service !== undefined && service !== expected.service))
    return { refused: 'service' };
  if (typeof host !== 'string') return { refused: 'host' };
  if (!isInteger(port) || port < 1 || port > 65_535) return { refused: 'port' };
  const refused = (expected.addresses ?? defaultAddresses).refusal(host, port);
  if (refused !== undefined) return { refused };
  if (protocol !== 'http' && protocol !== 'https') return { refused: 'protocol' };
  const attributes = parseAttributes(record.attributes);
  if (attributes === undefined) return { refused: 'attributes' };
  if (typeof weight !== 'number' || !(weight > 0 && weight <= MAX_WEIGHT)) return { refused: 'weight' };
  if (status !== 'up' && status !== 'draining' && status !== 'out') return { refused: 'status' };
  if (!isInteger(generation)) return { refused: 'generation' };
  return { instance: { id, service, host, port, protocol, attributes, weight, status, generation } };
}

function parseAttributes(value: unknown): Readonly<Record<string, string>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length > MAX_ATTRIBUTES) return undefined;
  // Without a prototype, `__proto__` is a name like any other.
  const attributes: Record<string, string> = Object.create(null);
  for (const [name, text] of entries) {
    if (!isText(name, MAX_ATTRIBUTE_NAME) || (text !== '' && !isText(text, MAX_ATTRIBUTE_VALUE))) return undefined;
    attributes[name] = text;
  }
  return attributes;
}

function isText(value: unknown, max: number): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= max && value.isWellFormed() && !UNPRINTABLE.test(value)
  );
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}
