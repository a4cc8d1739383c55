import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = new URL('fixtures/allocations.ts', import.meta.url).pathname;
/** A young generation in which all fits that the attempts could allocate, so that nothing is collected and what grows is what was allocated. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=192', '--max-semi-space-size=192'];
/** V8 keeps a fraction that is handed on off the heap where it inlines the function, which it decides anew in each process. So nobody may depend on it. */
const NOT_INLINED = ['--no-turbo-inlining', '--no-maglev-inlining'];
/** Those whose picks cost the same for any number of nodes, and the one that looks at each. */
const PICKERS = ['recall', 'p2c', 'peak-ewma', 'round-robin', 'weighted-round-robin', 'random', 'ring-hash', 'maglev'];
const SCAN = 'least-loaded';
/** A process of its own computes for a few seconds. */
const TIMEOUT_MS = 60_000;

test(
  'when all are well, no picker allocates anything for an attempt at one of 1,000 nodes',
  async () => {
    await expectNothing(FLAGS, 'all are well', 1_000, PICKERS);
  },
  TIMEOUT_MS,
);

test.each([
  'all are well',
  'three of ten are down',
  'three of ten wait for a probe that no call can be',
  'so many are down that all are used',
  'one starts slowly',
  'one is suspect',
  'one attempt in a hundred fails',
  'one attempt in a hundred is given up',
  'nodes report their load',
  'calls are split',
  'slow successes count',
])(
  'when %s, no picker allocates anything for an attempt, whatever is inlined',
  async (state) => {
    await expectNothing([...FLAGS, ...NOT_INLINED], state, 10, [...PICKERS, SCAN]);
  },
  TIMEOUT_MS,
);

async function expectNothing(flags: readonly string[], state: string, count: number, kinds: readonly string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, state, String(count), ...kinds]);
  const bytes = Object.entries<number>(JSON.parse(stdout));
  expect(bytes.map(([kind]) => kind)).toEqual(kinds);
  // A number on the heap has 16 bytes. Less than one byte is what the measuring itself leaves, and a table that is made anew.
  expect(bytes.filter(([, each]) => !(each < 1))).toEqual([]);
}
