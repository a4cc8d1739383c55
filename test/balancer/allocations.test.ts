import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = new URL('fixtures/allocations.ts', import.meta.url).pathname;
/** A young generation in which all fits that the attempts could allocate, so that nothing is collected and what grows is what was allocated. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=192', '--max-semi-space-size=192'];

test.each([
  ['recall', 10],
  ['recall', 1_000],
  ['p2c', 1_000],
  ['peak-ewma', 1_000],
  ['least-loaded', 10],
  ['round-robin', 1_000],
  ['weighted-round-robin', 1_000],
  ['random', 1_000],
  ['ring-hash', 1_000],
  ['maglev', 1_000],
])('%s allocates nothing for an attempt at one of %i nodes', async (kind, count) => {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, script, kind, String(count)]);
  // A number on the heap has 16 bytes. Here is what the measuring itself leaves, and a table that is made anew.
  expect(Number(stdout)).toBeLessThan(1);
});
