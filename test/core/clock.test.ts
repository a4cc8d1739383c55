import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';

const clockUrl = new URL('../../src/core/clock.ts', import.meta.url).href;

/** Runs `code` in a process of its own, with `clock` in reach; gives what it printed once it ended by itself. */
async function runAlone(code: string): Promise<string> {
  const source = `import { systemClock as clock } from ${JSON.stringify(clockUrl)};\n${code}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', source], {
    timeout: 15_000,
  });
  return stdout;
}

test('a process with nothing but a background timer ends by itself', async () => {
  expect(await runAlone(`clock.background(600_000, () => console.log('fired')); console.log('set');`)).toBe('set\n');
});

test('a process in which somebody waits for a timer lives until it fired, and no longer', async () => {
  const code = `
    clock.background(600_000, () => console.log('background'));
    clock.after(30, () => console.log('waited for'));
    clock.after(600_000, () => {}).cancel();`;
  expect(await runAlone(code)).toBe('waited for\n');
});

test('the time of the system is monotonic for measuring, and that of the calendar for people', () => {
  const before = systemClock.now();
  const wall = systemClock.wall();
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  expect(Math.abs(wall - Date.now())).toBeLessThan(5_000);
  expect(before).toBeLessThan(wall);
});

test('a timer of the system fires no earlier than it was asked to', async () => {
  const asked = [1, 2.5, 7, 13.9, 20];
  const waits = await Promise.all(
    asked.map(
      (ms) =>
        new Promise<number>((resolve) => {
          const start = systemClock.now();
          systemClock.after(ms, () => resolve(systemClock.now() - start));
        }),
    ),
  );
  for (const [i, ms] of asked.entries()) expect(waits[i]).toBeGreaterThanOrEqual(ms);
});

test('a timer can be set for a moment of the clock, and one that is past fires at once', async () => {
  const fired: string[] = [];
  const soon = new Promise<void>((resolve) => {
    const fire = (name: string) => {
      fired.push(name);
      resolve();
    };
    systemClock.at(systemClock.now() + 1, fire, 'soon');
  });
  await new Promise<void>((resolve) => {
    const fire = (name: string) => {
      fired.push(name);
      resolve();
    };
    systemClock.at(systemClock.now() - 1_000, fire, 'past');
  });
  await soon;
  expect(fired.toSorted()).toEqual(['past', 'soon']);
});
