import type { AddressRule } from '../address.ts';
import { fieldsOf } from '../http/fields-of.ts';
import { type Expected, type ParsedRecord, parseRecord, serialiseRecord } from '../record.ts';
import type { Instance } from '../registry.ts';

/** A value of Consul's metadata has at most 512 bytes, and a character of text at most 3 (two of them may make one of 4). */
const PART_LENGTH = 170;
const MAX_PAIRS = 64;
const PART = 'heddle-';
const PAIR_NAME = /^[\w-]{1,128}$/;
const MAX_PAIR_BYTES = 512;

/**
 * What a mesh says of an instance, as metadata of a service of Consul: the whole record, in as many parts as it needs, because Consul has no
 * place for all that is in it; and for the others who look there, each attribute that Consul can hold. Throws a `ConfigError` for an instance
 * that readers would refuse who go by the same `addresses`.
 */
export function metaOf(instance: Instance, addresses?: AddressRule): Readonly<Record<string, string>> {
  const text = serialiseRecord(instance, addresses);
  const meta: Record<string, string> = Object.create(null);
  for (let from = 0, part = 0; from < text.length; from += PART_LENGTH, part++)
    meta[`${PART}${part}`] = text.slice(from, from + PART_LENGTH);
  for (const [name, value] of Object.entries(instance.attributes)) {
    if (Object.keys(meta).length >= MAX_PAIRS) break;
    const fits = PAIR_NAME.test(name) && !name.startsWith(PART) && Buffer.byteLength(value) <= MAX_PAIR_BYTES;
    if (fits) meta[name] = value;
  }
  return meta;
}

/** The record that a mesh has put into metadata; `undefined` when none did. */
export function recordIn(meta: unknown, expected: Expected): ParsedRecord | undefined {
  const pairs = fieldsOf(meta);
  let text = '';
  for (let part = 0; part < MAX_PAIRS; part++) {
    const piece = pairs[`${PART}${part}`];
    if (typeof piece !== 'string') break;
    text += piece;
  }
  return text === '' ? undefined : parseRecord(text, expected);
}
