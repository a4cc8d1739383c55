// Removes each guard in turn from a copy of the tree, and sees its test fail. Words on the command line choose failures: `F13 F21`.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { guards } from '../test/guards/all.ts';
import type { Guard } from '../test/guards/guard.ts';

const root = resolve(import.meta.dirname, '..');
const copied = [
  'src',
  'test',
  'bench',
  'scripts',
  'docs',
  'README.md',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
const copy = mkdtempSync(join(tmpdir(), 'heddle-guards-'));
const wanted = process.argv.slice(2);

interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/** Runs the test of a guard as the copy stands. */
function run({ test, name }: Guard): Outcome {
  const title = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const report = join(copy, 'report.json');
  rmSync(report, { force: true });
  const words = ['vitest', 'run', test, '-t', title, '--reporter=json', `--outputFile.json=${report}`];
  spawnSync(join(root, 'node_modules', '.bin', words[0] ?? ''), words.slice(1), { cwd: copy, stdio: 'ignore' });
  // Without a report, vitest could not even start.
  const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
  return { passed: Number(numPassedTests), failed: Number(numFailedTests) };
}

function without({ file, guard, without }: Guard, work: () => Outcome): Outcome {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(guard).length !== 2) throw new Error(`${file} does not hold this exactly once: ${guard}`);
  writeFileSync(
    path,
    text.replace(guard, () => without),
  );
  try {
    return work();
  } finally {
    writeFileSync(path, text);
  }
}

let noticed = 0;
let missed = 0;
try {
  for (const name of copied) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const chosen = guards.filter(({ failure }) => wanted.length === 0 || wanted.includes(failure));
  for (const guard of chosen) {
    const whole = run(guard);
    const broken = whole.passed > 0 && whole.failed === 0 ? without(guard, () => run(guard)) : undefined;
    const good = broken !== undefined && broken.failed > 0;
    if (good) noticed++;
    else missed++;
    const why = good ? 'its test fails without it' : broken === undefined ? 'its test does not pass with it' : 'MISSED';
    console.log(`${guard.failure.padEnd(9)} ${guard.file}: ${why} (${guard.test} › ${guard.name})`);
  }
} catch (error) {
  missed++;
  console.log(String(error));
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${noticed} guards are needed, ${missed} are not noticed when they are gone`);
process.exitCode = missed === 0 && noticed > 0 ? 0 : 1;
