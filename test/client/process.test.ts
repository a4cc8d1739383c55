import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { serve } from '../support/servers.ts';
import { closeAll } from './setup.ts';

afterEach(closeAll);

const script = fileURLToPath(new URL('fixtures/calling.ts', import.meta.url));

/** Runs the script and tells its lines, its exit code and how long it took to end after its last line. */
async function run(then: string) {
  let hanging = 0;
  let announce = () => {};
  const all = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const checked = Promise.withResolvers<void>();
  const server = await serve((req, res) => {
    if (req.url === '/hang') {
      if (++hanging === 7) announce();
    } else if (req.url === '/hang-for-ever') checked.resolve();
    else if (req.url === '/wait-for-check') void checked.promise.then(() => res.end());
    else if (req.url === '/wait-for-7') void all.then(() => res.end());
    else res.end('fine');
  });
  const child = spawn(process.execPath, ['--no-warnings', script, server.url, then], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let doneAt = Number.NaN;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('done')) doneAt = performance.now();
  });
  const [exitCode] = await once(child, 'close');
  return { lines: text.trim().split('\n'), exitCode, tookMs: performance.now() - doneAt };
}

/** What is kept open ends after this at the soonest: what does not hold a process up ends it long before, on a busy machine too. */
const RUNS_OUT_MS = 3_000;

test.each(['close', 'leave it open', 'leave a check hanging', 'leave connections made ahead'])(
  'a process that has called, and then does nothing else (%s), ends before a connection runs out',
  async (then) => {
    const { lines, exitCode, tookMs } = await run(then);
    expect(lines).toEqual(['answered: 200,200,200', 'done']);
    expect(exitCode).toBe(0);
    expect(tookMs < RUNS_OUT_MS).toBe(true);
  },
);

test('a process that closes its mesh amid calls has them all fail, and ends before a connection runs out', async () => {
  const { lines, exitCode, tookMs } = await run('close amid calls');
  expect(lines).toEqual(['answered: 200,200,200', `settled: ${Array(7).fill('MESH_CLOSED')}`, 'done']);
  expect(exitCode).toBe(0);
  expect(tookMs < RUNS_OUT_MS).toBe(true);
});
