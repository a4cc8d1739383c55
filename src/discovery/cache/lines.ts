import type { FileHandle } from 'node:fs/promises';

const CHUNK = 16_384;
const NEWLINE = 10;

/** The complete lines of a file, those of one piece at a time. Rejects when a line is longer than a piece, or the last one has no end. */
export async function* linesOf(file: FileHandle): AsyncGenerator<readonly string[], void, undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let kept = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, kept, CHUNK - kept, null);
    if (bytesRead === 0) break;
    const held = buffer.subarray(0, kept + bytesRead);
    const end = held.lastIndexOf(NEWLINE);
    if (end < 0 && held.length === CHUNK) throw new Error('a line is too long');
    if (end >= 0) yield held.toString('utf8', 0, end).split('\n');
    kept = held.length - (end + 1);
    held.copyWithin(0, end + 1);
  }
  if (kept > 0) throw new Error('the last line is cut off');
}
