import type { Turns } from '../../core/turns.ts';
import type { AddressRule } from '../address.ts';
import { inOrder, mergeRuns } from '../in-order.ts';
import type { Cursor } from '../membership.ts';
import { parseRecord, type Refusal } from '../record.ts';
import type { Instance } from '../registry.ts';
import { sameInstance } from '../same-instance.ts';

/** What the snapshot script answered. */
export interface Snapshot {
  readonly at: Cursor;
  /** `undefined` when the reader has them already. */
  readonly instances: readonly Instance[] | undefined;
}

/** What reading takes besides the answer. */
export interface SnapshotReading {
  readonly service: string;
  readonly addresses?: AddressRule | undefined;
  /** Shared by all that is read at the same time. */
  readonly turns: Turns;
  /** What is known of an id: the same facts stay the same object, so that whoever compares later has little to do. */
  readonly known: (id: string) => Instance | undefined;
  /** Gives the records of ids of which the answer has none: one for each, in their order. */
  readonly more: (ids: readonly string[]) => Promise<readonly unknown[]>;
  /** Told of each record that is none. */
  readonly refuse: (id: string, refusal: Refusal) => void;
}

/**
 * Records asked for at once. An answer is read off the socket in one turn, however long it is: 10,000 records would take 20 ms. What changes
 * between two parts is told as a change, too. Ids come as one text, because a reply of 10,000 words takes long to take apart as well.
 */
export const PART = 250;

/** Records read between two looks at the clock, and sorted in one go. */
const RUN = 64;

/**
 * Reads an answer whose records anybody may have written, a slice at a time, and gives them in the order of their ids. Rejects when it is
 * no answer.
 */
export async function readSnapshot(reply: unknown, reading: SnapshotReading): Promise<Snapshot> {
  if (!Array.isArray(reply)) throw new Error('the registry answered with no list');
  const [epoch, rev, listed, records]: unknown[] = reply;
  const revision = Number(rev);
  if (typeof epoch !== 'string' || !Number.isSafeInteger(revision))
    throw new Error('the registry answered without a revision');
  const at: Cursor = { epoch, revision };
  if (listed === undefined) return { at, instances: undefined };
  if (!Array.isArray(records)) throw new Error('the registry answered without records');

  const { turns } = reading;
  if (turns.over) await turns.next();
  const ids = idsIn(listed);
  const runs: (readonly Instance[])[] = [];
  let part: readonly unknown[] = records;
  for (let from = 0; from < ids.length; from += part.length) {
    if (from > 0 || part.length === 0) part = await reading.more(ids.slice(from, from + PART));
    if (part.length === 0) throw new Error('the registry answered without records');
    for (let at = 0; at < part.length; at += RUN) {
      const listed = ids.slice(from + at, from + Math.min(at + RUN, part.length));
      runs.push(inOrder(readRun(listed, part.slice(at, at + RUN), reading)));
      if (turns.over) await turns.next();
    }
  }
  const instances = await mergeRuns(runs, turns);
  // What is done with so many takes a slice of its own.
  if (runs.length > 1 && turns.over) await turns.next();
  return { at, instances };
}

function idsIn(listed: unknown): readonly string[] {
  let ids: unknown;
  try {
    ids = typeof listed === 'string' ? JSON.parse(listed) : undefined;
  } catch {
    // said below
  }
  if (!Array.isArray(ids)) throw new Error('the registry answered without ids');
  return ids.map(String);
}

function readRun(
  ids: readonly string[],
  records: readonly unknown[],
  { service, addresses, known, refuse }: SnapshotReading,
): readonly Instance[] {
  const instances: Instance[] = [];
  for (const [i, id] of ids.entries()) {
    const held = records[i];
    // A lease without a record is what an eviction leaves behind; its owner will write the record again.
    if (typeof held !== 'string') continue;
    const parsed = parseRecord(held.slice(held.indexOf('|') + 1), { id, service, addresses });
    if ('refused' in parsed) {
      refuse(id, parsed.refused);
      continue;
    }
    const before = known(id);
    instances.push(before !== undefined && sameInstance(before, parsed.instance) ? before : parsed.instance);
  }
  return instances;
}

/** The mark in a readable answer that has records. */
export function markIn(reply: unknown): string {
  const mark: unknown = Array.isArray(reply) ? reply[5] : undefined;
  return typeof mark === 'string' ? mark : '';
}

/** The ids in a readable answer whose lease has ended. */
export function endedIn(reply: unknown): readonly string[] {
  const ended: unknown = Array.isArray(reply) ? reply[4] : undefined;
  return Array.isArray(ended) ? ended.map(String) : [];
}
