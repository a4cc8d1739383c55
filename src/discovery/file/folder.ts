import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { abreast } from '../abreast.ts';
import type { ParsedRecord } from '../record.ts';

/** One file of a service's folder. */
export interface RecordFile {
  /** The id that the file is named after; the name itself when it is not one of ours. */
  readonly id: string;
  readonly path: string;
  /** What stands in it; refused when it could not be read. */
  readonly record: ParsedRecord;
  /** Milliseconds since 1970 at which its owner last touched it. */
  readonly touchedAt: number;
}

/** The folder of one service as it was found. */
export interface Folder {
  /** Another one when the folder was made anew. */
  readonly epoch: string;
  readonly files: readonly RecordFile[];
  /** Where records were being written and, when it is there for long, the writing was never finished. */
  readonly unfinished: readonly string[];
}

const SUFFIX = '.json';
/** A record has at most 4 KB; of a larger file this much is read, which is enough to refuse it. */
const MOST_READ = 8_192;
/** Not blocking, because a pipe that lies in the folder would never open. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Files that are open at the same time: there may be more records than a process may open. */
const ABREAST = 32;
/** Errors that say nothing of the file: this process has run out of something, or the disk has failed. */
const OURS = new Set<unknown>(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO']);
const UNFINISHED = /^\.heddle-.*\.tmp$/;

let temporaryFiles = 0;

/** Whether an error of the file system says that there is nothing of that name. */
export function isAbsent(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** Where the record of an id is kept. */
export function recordPath(folder: string, id: string): string {
  return join(folder, `${encodeURIComponent(id)}${SUFFIX}`);
}

/** Whether a name in a folder is that of a record. */
export function isRecordName(name: string): boolean {
  return name.endsWith(SUFFIX) && !name.startsWith('.');
}

/** Reads the text of one file, which is empty when the file could not be read. Called for one file at a time, so that no turn is long. */
export type ReadText = (file: { readonly id: string; readonly path: string; readonly text: string }) => ParsedRecord;

/** Reads a folder; `undefined` when there is none. Rejects when it cannot be read. */
export async function readFolder(folder: string, read: ReadText): Promise<Folder | undefined> {
  try {
    const { ino, birthtimeMs } = await stat(folder);
    const names = await readdir(folder);
    const files = await abreast(names.filter(isRecordName), ABREAST, (name) => readFile(folder, name, read));
    return {
      epoch: `${ino}:${birthtimeMs}`,
      files: files.filter((file) => file !== undefined),
      unfinished: names.filter((name) => UNFINISHED.test(name)).map((name) => join(folder, name)),
    };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Names one writing of a record: another one when somebody else has written it since. `undefined` when there is none. */
export async function markOf(path: string): Promise<string | undefined> {
  try {
    const { ino, birthtimeMs, size } = await stat(path);
    return `${ino}:${birthtimeMs}:${size}`;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** The text of a record; empty when there is none. */
export async function readText(path: string): Promise<string> {
  const file = await open(path, READ_FLAGS);
  try {
    return await textOf(file);
  } finally {
    await file.close();
  }
}

/** Writes a record so that a reader sees all of it or nothing, touched at `touchedAt`. Makes the folder when there is none. */
export async function writeRecord(folder: string, path: string, text: string, touchedAt: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The numbers of processes are not enough: in containers that share a folder all may be number 1.
  const temporary = join(folder, `.heddle-${process.pid}-${Math.trunc(touchedAt)}-${temporaryFiles++}.tmp`);
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await touch(temporary, touchedAt);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Says that the owner of a record lives. */
export async function touch(path: string, touchedAt: number): Promise<void> {
  await utimes(path, touchedAt / 1_000, touchedAt / 1_000);
}

async function readFile(folder: string, name: string, read: ReadText): Promise<RecordFile | undefined> {
  const path = join(folder, name);
  const id = idOf(name);
  let file: FileHandle | undefined;
  try {
    file = await open(path, READ_FLAGS);
    const { mtimeMs } = await file.stat();
    const record = read({ id, path, text: await textOf(file) });
    return { id, path, record, touchedAt: mtimeMs };
  } catch (error) {
    if (OURS.has(codeOf(error))) throw error;
    // One that cannot be read (a folder, say) is refused like any other text that is no record.
    if (isAbsent(error)) return undefined;
    return { id, path, record: read({ id, path, text: '' }), touchedAt: Number.POSITIVE_INFINITY };
  } finally {
    await file?.close();
  }
}

async function textOf(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_READ), 0, MOST_READ, 0);
  return buffer.toString('utf8', 0, bytesRead);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function idOf(name: string): string {
  const encoded = name.slice(0, -SUFFIX.length);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
