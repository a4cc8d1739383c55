// Removes each guard in turn from a copy of the tree, and sees its test fail. Words on the command line choose failures: `F13 F21`.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createVitest, type TestCase } from 'vitest/node';
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

for (const name of copied) cpSync(join(root, name), join(copy, name), { recursive: true });
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
process.chdir(copy); // where the tests think they are

// One vitest for all of them: to start it takes longer than most of the tests do.
const ended = { passed: 0, failed: 0 };
const count = (test: TestCase) => {
  const { state } = test.result();
  if (state === 'passed' || state === 'failed') ended[state]++;
};
const vitest = await createVitest('test', {
  root: copy,
  watch: false,
  maxWorkers: 1,
  reporters: [{ onTestCaseResult: count }],
});

/** Runs the test of a guard as the copy stands. */
async function run({ test, name }: Guard): Promise<Outcome> {
  Object.assign(ended, { passed: 0, failed: 0 });
  vitest.setGlobalTestNamePattern(new RegExp(name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  await vitest.runTestSpecifications(await vitest.globTestSpecifications([test]));
  return { ...ended };
}

async function without({ file, guard, without }: Guard, work: () => Promise<Outcome>): Promise<Outcome> {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(guard).length !== 2) throw new Error(`${file} does not hold this exactly once: ${guard}`);
  const write = (content: string) => {
    writeFileSync(path, content);
    vitest.invalidateFile(path);
  };
  write(text.replace(guard, () => without));
  try {
    return await work();
  } finally {
    write(text);
  }
}

let noticed = 0;
let missed = 0;
try {
  const chosen = guards.filter(({ failure }) => wanted.length === 0 || wanted.includes(failure));
  for (const guard of chosen) {
    const whole = await run(guard);
    const broken = whole.passed > 0 && whole.failed === 0 ? await without(guard, () => run(guard)) : undefined;
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
  await vitest.close();
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${noticed} guards are needed, ${missed} are not noticed when they are gone`);
process.exitCode = missed === 0 && noticed > 0 ? 0 : 1;
