import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real Redis on a port of loopback, which keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Starts it, again after `stop` or `kill`: on the same port, and empty. */
  start(): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /** Stops it from answering, sockets open, until `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Runs one command and returns what Redis answered, as it stands on the wire. */
  command(...words: readonly (string | number)[]): Promise<string>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

/** A Redis that is not started yet. `args` are further words for its command line. */
export async function redisServer(args: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-redis-'));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child !== undefined) return;
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    child = spawn('redis-server', [...own, '--enable-debug-command', 'yes', ...args], { stdio: 'ignore' });
    const failed = new Promise<never>((_, reject) => child?.once('error', reject));
    failed.catch(() => {}); // when it is not awaited any more
    await Promise.race([failed, answering(port)]);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const exit = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGCONT');
    ending.kill(signal);
    await exit;
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    command: (...words) => exchange(port, words.map(String)),
    close: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A Redis that answers. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const server = await redisServer(args);
  await server.start();
  return server;
}

/** A port of loopback where nobody listens. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const reply = await exchange(port, ['PING']).catch(() => '');
    // One with a password answers too, in its way.
    if (reply.startsWith('+PONG') || reply.startsWith('-NOAUTH')) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`redis-server does not answer on port ${port}`);
}

function exchange(port: number, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    let reply = '';
    socket.once('error', reject);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      reply += text;
      socket.end();
    });
    socket.once('close', () => resolve(reply));
    socket.write(`*${words.length}\r\n${parts.join('')}`);
  });
}
