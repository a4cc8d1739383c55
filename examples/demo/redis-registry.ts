import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DemoRegistry } from './demo-registry.ts';

const START_MS = 10_000;

/** Whether there is a `redis-server` on the PATH. */
export function redisInstalled(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** A Redis of its own on a free port, which keeps nothing on disk. `crashed` is told when it ends though nobody asked it to. */
export async function redisRegistry(root: string, crashed: (error: Error) => void): Promise<DemoRegistry> {
  const port = await freePort();
  const folder = join(root, 'redis');
  await mkdir(folder);
  let server: ChildProcess | undefined;

  const start = async () => {
    const options = { bind: '127.0.0.1', port: `${port}`, dir: folder, save: '', appendonly: 'no' };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    // In a session of its own, so that Ctrl-C reaches it through the director only.
    const started = spawn('redis-server', args, { stdio: 'ignore', detached: true });
    started.on('error', crashed);
    started.on('exit', (code, signal) => {
      if (server === started) crashed(new Error(`redis-server ended unexpectedly (${signal ?? `exit code ${code}`})`));
    });
    server = started;
    await answers(port);
  };
  const kill = () => {
    const running = server;
    server = undefined;
    running?.kill('SIGKILL');
    return running;
  };

  try {
    await start();
  } catch (error) {
    kill();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    loss: 'Redis is killed with SIGKILL',
    async takeAway() {
      const killed = kill();
      if (killed !== undefined) await once(killed, 'exit');
    },
    giveBack: start,
    kill,
  };
}

/** Below the ports of connections that go out: one of those to this port would meet itself while nobody listens, and keep the server out. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const free = await once(probe.listen(port, '127.0.0.1'), 'listening').catch(() => undefined);
    if (free === undefined) continue;
    await once(probe.close(), 'close');
    return port;
  }
}

/** Resolves when the server answers a ping. */
async function answers(port: number): Promise<void> {
  const until = performance.now() + START_MS;
  while (!(await pong(port))) {
    if (performance.now() > until) throw new Error(`redis-server does not answer on port ${port}`);
    await delay(20);
  }
}

function pong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('data', (data) => end(data.toString().startsWith('+PONG')));
    socket.once('error', () => end(false));
  });
}
