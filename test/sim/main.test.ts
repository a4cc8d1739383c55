import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { outcomesOf } from '../../bench/sim/outcome.ts';
import { policyOf } from '../../bench/sim/policy.ts';
import { latencyTables, standingsTable } from '../../bench/sim/report.ts';
import type { Run } from '../../bench/sim/runner.ts';
import { LATENCY, REAL } from '../../bench/sim/scenarios.ts';
import { simulate } from '../../bench/sim/simulate.ts';
import { parsed } from './xml.ts';

const script = new URL('../../bench/sim/main.ts', import.meta.url).pathname;

/** What `npm run bench:balance` prints when it is given these words. */
async function printed(...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...words]);
  return stdout;
}

/** The same runs in this process, one after the other. */
function simulated(name: string, policies: readonly string[], seeds: readonly number[], durationMs?: number) {
  const whole = [...LATENCY, ...REAL].find((one) => one.name === name);
  if (whole === undefined) throw new Error(`there is no scenario '${name}'`);
  const scenario = { ...whole, durationMs: durationMs ?? whole.durationMs };
  const runs: Run[] = policies.flatMap((policy) => seeds.map((seed) => ({ scenario, policy, seed })));
  const outcomes = outcomesOf(
    runs,
    runs.map(({ policy, seed }) => simulate(scenario, policyOf(policy), seed)),
  );
  return { scenario, outcomes };
}

test('what is printed as JSON is what a simulation gives for the same seeds, whichever thread ran it', async () => {
  const { outcomes } = simulated('real-slow', ['recall', 'p2c'], [7_000, 7_001]);
  const json: unknown = JSON.parse(await printed('--json', '--seed', '7', '--runs', '2', 'real-slow', 'recall', 'p2c'));
  expect(json).toEqual({
    real: { 'real-slow': Object.fromEntries(outcomes.get('real-slow') ?? []) },
  });
}, 60_000);

test('tables and chart are those of the runs; a quick one takes a fifth of the time that counts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-sim-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'chart.svg');
  const text = await printed('--quick', '--svg', file, 'quiet', 'oracle', 'recall', 'p2c');
  // 5 s to warm up, and a fifth of 55 s.
  const { scenario, outcomes } = simulated('quiet', ['oracle', 'recall', 'p2c'], [1_000], 16_000);
  expect(text).toMatch(/^# latency \(seed 1, 1 × 3 runs in \d+ s\)\n\nquiet {3}little to do: 30 %\n\n/);
  expect(text).toContain(latencyTables([scenario], outcomes));
  expect(text).toContain(standingsTable(outcomes));
  // Of some policies in some scenarios nothing was promised.
  expect(text).not.toContain('what is promised');
  const titles = parsed(await readFile(file, 'utf8')).filter(({ name }) => name === 'title');
  const ratio = (policy: string) => {
    const of = outcomes.get('quiet');
    return ((of?.get(policy)?.p99 ?? Number.NaN) / (of?.get('oracle')?.p99 ?? Number.NaN)).toFixed(2);
  };
  expect(titles.map((title) => title.text).toSorted()).toEqual(
    ['mean', 'quiet'].flatMap((row) => [`${row}, p2c: ${ratio('p2c')}`, `${row}, recall: ${ratio('recall')}`]),
  );
}, 60_000);

test('a whole group is run with all of its policies, and then what is promised is told', async () => {
  const text = await printed('--quick', 'real');
  expect(text).toMatch(/^# real \(seed 1, 1 × \d+ runs/);
  for (const { name } of REAL) expect(text).toContain(name);
  for (const policy of ['recall+reports', 'p2c', 'peak-ewma', 'least-loaded', 'round-robin'])
    expect(text).toMatch(new RegExp(`^${policy.replace('+', '\\+')} {3}`, 'm'));
  expect(text).toContain('# what is promised of recall\n');
}, 60_000);

test('`random` is the picker, and `unseen` the group of scenarios that are drawn by chance', async () => {
  const json = async (...words: readonly string[]) =>
    JSON.parse(await printed('--quick', '--json', ...words)) as Record<string, Record<string, object>>; // as main prints it
  const picked = await json('quiet', 'random');
  expect([Object.keys(picked), Object.keys(picked['latency'] ?? {})]).toEqual([['latency'], ['quiet']]);
  expect(Object.keys(picked['latency']?.['quiet'] ?? {})).toEqual(['random']);
  const unseen = await json('unseen', 'oracle');
  expect(Object.keys(unseen)).toEqual(['unseen']);
  expect(Object.keys(unseen['unseen'] ?? {})).toEqual(Array.from({ length: 20 }, (_, i) => `random-${i + 1}`));
}, 60_000);

test.each([
  [['--seed', 'one'], "--seed is a whole number, not 'one'"],
  [['--runs', '0'], "--runs is a number above 0, not '0'"],
  [['fast'], "there is no picker 'fast'"],
  [['p2c+luck'], "there is no option 'luck'"],
])(
  '%j is refused',
  async (words, message) => {
    await expect(printed(...words)).rejects.toThrow(message);
  },
  60_000,
);
