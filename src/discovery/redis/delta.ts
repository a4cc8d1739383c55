import { createHash } from 'node:crypto';
import type { AddressRule } from '../address.ts';
import type { Cursor, MembershipEvent } from '../membership.ts';
import { parseRecord } from '../record.ts';

/** One change of a service's records, as it was told on its channel. */
export type Delta = Extract<MembershipEvent, { kind: 'joined' | 'left' | 'lapsed' }> & {
  readonly at: Cursor;
  /** As it was told. */
  readonly text: string;
};

/** A record has at most 4 KB; quoted in a message it may be twice as long. */
const MAX_LENGTH = 10_000;

/** Reads a message that anybody may have sent; `undefined` when it is no change that can be applied. Never throws. */
export function parseDelta(text: string, service: string, addresses: AddressRule | undefined): Delta | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const message: Partial<Record<'epoch' | 'rev' | 'op' | 'record' | 'id' | 'generation', unknown>> = parsed; // checked below
  const { epoch, rev, op, record, id, generation } = message;
  if (typeof epoch !== 'string' || typeof rev !== 'number' || !Number.isSafeInteger(rev)) return undefined;
  const at: Cursor = { epoch, revision: rev };
  if (op === 'join' && typeof record === 'string') {
    const read = parseRecord(record, { service, addresses });
    return 'instance' in read ? { kind: 'joined', instance: read.instance, at, text } : undefined;
  }
  const number = typeof generation === 'string' ? Number(generation) : Number.NaN;
  if (typeof id !== 'string' || !Number.isSafeInteger(number)) return undefined;
  if (op === 'leave') return { kind: 'left', id, generation: number, at, text };
  return op === 'lapse' ? { kind: 'lapsed', id, generation: number, at, text } : undefined;
}

/** What stands for all that was told, once `text` was told after what `mark` stands for. */
export function markAfter(mark: string, text: string): string {
  return createHash('sha1').update(mark).update(text).digest('hex');
}

/** Where a change stands to a cursor: it is one of those that led there, it is the next one, or others lie between. */
export function placeOf(at: Cursor, cursor: Cursor): 'before' | 'next' | 'later' {
  // While nobody has written, there is no epoch; the first change of the first one follows that.
  if (at.epoch !== cursor.epoch && cursor.epoch !== '') return 'later';
  if (at.epoch === cursor.epoch && at.revision <= cursor.revision) return 'before';
  return at.revision === cursor.revision + 1 ? 'next' : 'later';
}
