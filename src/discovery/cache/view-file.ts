import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { recordText } from '../record.ts';
import type { Instance, KeptView } from '../registry.ts';
import { linesOf } from './lines.ts';

const VERSION = 1;
/** 10,000 records of the largest kind, and the lines around them. */
const MAX_BYTES = 10_000 * 4_100 + 4_096;
const SLICE = 100;
const END = '=';
/** Not blocking, because a pipe that lies in the folder would never open. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** What a file has to be of. */
export interface ExpectedView {
  readonly registry: string;
  readonly service: string;
  /** Reads a record that anybody may have written; `undefined` when it is none. */
  readonly read: (text: string) => Instance | undefined;
}

/**
 * Writes a view so that a reader finds all of it or the one before, even after a power cut, and only this user can read it. Rejects.
 *
 * The file has a line that says what it is of, a line for each record, and a last line with the SHA-256 of all before it. Others have their
 * turn after each part of a large set.
 */
export async function writeView(path: string, temporary: string, view: KeptView): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await writeAll(file, view);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error says more
    throw error;
  }
}

/** Reads a view; `undefined` when there is none. Rejects with a reason for people when it cannot be believed. */
export async function readView(path: string, expected: ExpectedView): Promise<KeptView | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, READ_FLAGS);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return await readAll(file, expected);
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, { registry, service, savedAt, instances }: KeptView): Promise<void> {
  const hash = createHash('sha256');
  let bytes = 0;
  const put = async (text: string): Promise<void> => {
    bytes += Buffer.byteLength(text);
    if (bytes > MAX_BYTES) throw new Error(`the view of '${service}' takes more than ${MAX_BYTES} bytes`);
    hash.update(text);
    await file.writeFile(text);
  };
  await put(`${JSON.stringify({ heddle: VERSION, registry, service, savedAt })}\n`);
  for (let i = 0; i < instances.length; i += SLICE) {
    const records = instances.slice(i, i + SLICE).map((instance) => `${recordText(instance)}\n`);
    await put(records.join(''));
  }
  await file.writeFile(`${END}${hash.digest('hex')}\n`);
}

async function readAll(file: FileHandle, { registry, service, read }: ExpectedView): Promise<KeptView> {
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error('it is no file');
  if (stats.size > MAX_BYTES + 100) throw new Error(`it has more than ${MAX_BYTES} bytes`);
  const hash = createHash('sha256');
  const instances: Instance[] = [];
  let savedAt: number | undefined;
  let whole = false;
  for await (const lines of linesOf(file)) {
    for (const line of lines) {
      if (whole) throw new Error('something follows its end');
      if (line.startsWith(END)) {
        if (line !== `${END}${hash.digest('hex')}`) throw new Error('its checksum is wrong');
        whole = true;
        continue;
      }
      hash.update(`${line}\n`);
      if (savedAt === undefined) savedAt = savedAtOf(line, registry, service);
      else {
        const instance = read(line);
        if (instance !== undefined) instances.push(instance);
      }
    }
  }
  if (savedAt === undefined || !whole) throw new Error('its end is missing');
  return { registry, service, savedAt, instances };
}

/** What the first line says of the time; throws when it is of something else. */
function savedAtOf(line: string, registry: string, service: string): number {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new Error('its first line is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null) throw new Error('its first line is no object');
  const head: Partial<Record<'heddle' | 'registry' | 'service' | 'savedAt', unknown>> = parsed; // every field is checked below
  if (head.heddle !== VERSION) throw new Error('it is of another version');
  if (head.registry !== registry || head.service !== service) throw new Error('it is of another registry or service');
  if (typeof head.savedAt !== 'number' || !Number.isFinite(head.savedAt))
    throw new Error('it does not say how old it is');
  return head.savedAt;
}
