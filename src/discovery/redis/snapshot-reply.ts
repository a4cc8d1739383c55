import { setImmediate } from 'node:timers/promises';
import type { Cursor } from '../membership.ts';
import { parseRecord, type Refusal } from '../record.ts';
import type { Instance } from '../registry.ts';

/** What the snapshot script answered. */
export interface Snapshot {
  readonly at: Cursor;
  /** `undefined` when the reader has them already. */
  readonly instances: readonly Instance[] | undefined;
}

/** Records read in one go, so that 10,000 of them do not hold everything else up. */
const SLICE = 500;

/** Reads an answer whose records anybody may have written; calls `refuse` for each record that is none. Rejects when it is no answer. */
export async function readSnapshot(
  reply: unknown,
  service: string,
  refuse: (id: string, refusal: Refusal) => void,
): Promise<Snapshot> {
  if (!Array.isArray(reply)) throw new Error('the registry answered with no list');
  const [epoch, rev, ids, records]: unknown[] = reply;
  const revision = Number(rev);
  if (typeof epoch !== 'string' || !Number.isSafeInteger(revision))
    throw new Error('the registry answered without a revision');
  const at: Cursor = { epoch, revision };
  if (ids === undefined) return { at, instances: undefined };
  if (!Array.isArray(ids) || !Array.isArray(records)) throw new Error('the registry answered without records');

  const instances: Instance[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (i > 0 && i % SLICE === 0) await setImmediate();
    const id = String(ids[i]);
    const held: unknown = records[i];
    // A lease without a record is what an eviction leaves behind; its owner will write the record again.
    if (typeof held !== 'string') continue;
    const parsed = parseRecord(held.slice(held.indexOf('|') + 1), { id, service });
    if ('instance' in parsed) instances.push(parsed.instance);
    else refuse(id, parsed.refused);
  }
  return { at, instances };
}
