import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { send } from './support.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Stopping {
  readonly child: ChildProcess;
  readonly port: number;
  /** All lines that the process said so far. */
  readonly said: readonly string[];
  /** Resolves when the process says this line `times` times. */
  heard(line: string, times?: number): Promise<void>;
  readonly ended: Promise<readonly [code: number | null, signal: NodeJS.Signals | null]>;
}

async function start(): Promise<Stopping> {
  const fixture = fileURLToPath(new URL('./fixtures/stopping-server.ts', import.meta.url));
  const child = spawn(process.execPath, [fixture], { stdio: ['ignore', 'pipe', 'inherit'] });
  closing.push(() => child.kill('SIGKILL'));
  const lines: Interface = createInterface(child.stdout);
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  const heard = async (line: string, times = 1) => {
    while (said.filter((one) => one.startsWith(line)).length < times) await once(lines, 'line');
  };
  const ended = once(child, 'exit').then(([code, signal]) => [code, signal] as const);
  await heard('listening');
  return { child, port: Number(said[0]?.split(' ')[1]), said, heard, ended };
}

test('a process told to stop under load loses no request, and ends by itself (F35)', async () => {
  const { child, port, said, heard, ended } = await start();
  const agent = new http.Agent({ keepAlive: true });
  closing.push(() => agent.destroy());
  const failures: unknown[] = [];
  const closed: unknown[] = [];
  let told = false;
  let served = 0;
  const ask = async (path: string) => {
    try {
      const reply = await send(port, { agent, path });
      served++;
      if (reply.body !== 'served') failures.push(reply);
      if (reply.headers.connection === 'close') closed.push(path);
    } catch (error) {
      failures.push(error);
    }
  };
  /** A caller that hears late: it goes on for 20 requests, some 100 ms, after the registry was told. */
  const caller = async () => {
    for (let late = 0; late < 20; ) {
      if (told) late++;
      await ask('/');
    }
  };
  const callers = Array.from({ length: 8 }, caller);
  const slow = [ask('/slow'), ask('/slow')];
  await heard('slow', 2);
  child.kill('SIGTERM');
  await heard('left');
  told = true;
  await Promise.all([...callers, ...slow]);
  expect(failures).toEqual([]);
  expect(served > 8 * 20).toBe(true);
  expect(closed.length >= 8 * 20).toBe(true);
  expect(await ended).toEqual([0, null]);
  expect(said.slice(-2)).toEqual(['left', 'drained by SIGTERM']);
});

test('a second signal ends the process at once (F36)', async () => {
  const { child, port, heard, ended } = await start();
  const reply = send(port, { path: '/slow' }).catch((error: unknown) => error);
  await heard('slow');
  child.kill('SIGTERM');
  await heard('left');
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(await reply).toMatchObject({ code: 'ECONNRESET' });
});
