import { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { inOneWrite } from '../../src/discovery/redis/one-write.ts';

/** A socket as far as this goes: what it writes, a list of pieces for each write. */
function socket() {
  const writes: string[][] = [];
  const stream = new Writable({
    write(piece, _, done) {
      writes.push([String(piece)]);
      done();
    },
    writev(pieces, done) {
      writes.push(pieces.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  return { client: { stream: stream as unknown as Redis['stream'] }, stream, writes }; // only what every stream has is used
}

test('what is sent in one turn goes out in one write, and the next turn has its own', async () => {
  const { client, stream, writes } = socket();
  for (const command of ['a', 'b', 'c']) {
    inOneWrite(client);
    stream.write(command);
  }
  expect(writes).toEqual([]);
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  inOneWrite(client);
  stream.write('d');
  await new Promise((resolve) => setImmediate(resolve));
  expect(writes).toEqual([['a', 'b', 'c'], ['d']]);
});

test('a client without a socket of its own is left alone', () => {
  expect(() => inOneWrite({})).not.toThrow();
});
