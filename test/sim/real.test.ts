import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { REAL } from '../../bench/sim/scenarios.ts';

const script = new URL('../../bench/real/main.ts', import.meta.url).pathname;
const POLICIES = ['recall+reports', 'recall+nack', 'recall', 'p2c', 'peak-ewma', 'round-robin'];

/** Numbers of the first row that begins so: how late, times, success, and the share of each server. */
function numbersOf(lines: readonly string[], name: string): readonly number[] {
  const row = lines.find((line) => line.startsWith(`${name}   `)) ?? '';
  return row.slice(name.length).trim().split(/\s+/).map(Number);
}

test('real processes answer the calls of every picker in every scenario, beside the simulated ones', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--quick']);
  const parts = stdout.split('# ').slice(1);
  expect(parts.map((part) => part.slice(0, part.indexOf(':')))).toEqual(REAL.map(({ name }) => name));
  for (const part of parts) {
    const lines = part.split('\n');
    expect(lines.filter((line) => line.startsWith('  simulated'))).toHaveLength(POLICIES.length);
    const answered: number[] = [];
    for (const policy of POLICIES) {
      const [, p50 = 0, p99 = 0, p999 = 0, success = Number.NaN, ...shares] = numbersOf(lines, policy);
      // On a machine that is busy with other work all calls of a client may fail.
      const timed = success === 0 || (p50 > 0 && p99 >= p50 && p999 >= p99);
      expect([policy, timed, success >= 0 && success <= 100]).toEqual([policy, true, true]);
      answered.push(success);
      expect(shares).toHaveLength(10);
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(100, 0);
    }
    // Of one client, but not of all five in a row; and where a server fails all, nobody knows that before some calls went there.
    const name = part.slice(0, part.indexOf(':'));
    expect([name, Math.max(...answered) > 50]).toEqual([name, true]);
    if (name === 'real-failing') expect(Math.min(...answered)).toBeLessThan(100);
  }
}, 120_000);
