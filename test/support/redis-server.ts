import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

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
  command(name: string, ...words: readonly (string | number)[]): Promise<string>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

/**
 * Whether tests can have servers of their own, to stop, freeze and kill. Where `redis-server` cannot be installed, REDIS_URL may name a
 * Redis that is there: it serves the tests that only use one, and those that break one are skipped.
 */
export const ownRedis: boolean = spawnSync('redis-server', ['--version']).status === 0 || !process.env['REDIS_URL'];

/** A Redis that is not started yet. `args` are further words for its command line. */
export async function redisServer(args: readonly string[] = []): Promise<RedisServer> {
  if (!ownRedis) return foreignServer(new URL(process.env['REDIS_URL'] ?? ''));
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'heddle-redis-'));
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    if (child !== undefined) return;
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    const started = spawn('redis-server', [...own, '--enable-debug-command', 'yes', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    child = started;
    let said = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    const failed = new Promise<never>((_, reject) => {
      started.once('error', reject);
      started.once('exit', () => reject(new Error(`redis-server ended before it answered: ${said}`)));
    });
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
    command: (...words) => redisCommand(port, words.map(String)),
    close: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The Redis that REDIS_URL names. It is not ours to end. */
function foreignServer(url: URL): RedisServer {
  const refuse = () => {
    throw new Error('a Redis named by REDIS_URL is only used; install redis-server for this test');
  };
  const nothing = async () => {};
  return {
    port: Number(url.port || 6379),
    url: url.href,
    start: nothing,
    close: nothing,
    stop: refuse,
    kill: refuse,
    freeze: refuse,
    thaw: refuse,
    async command(name, ...words) {
      const client = new Redis(url.href);
      try {
        return String(await client.call(String(name), ...words));
      } finally {
        client.disconnect();
      }
    },
  };
}

/** A Redis that answers. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const server = await redisServer(args);
  await server.start();
  return server;
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const reply = await redisCommand(port, ['PING']).catch(() => '');
    // One with a password answers too, in its way.
    if (reply.startsWith('+PONG') || reply.startsWith('-NOAUTH')) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`redis-server does not answer on port ${port}`);
}

/** Runs one command on a port of loopback, and returns what was answered, as it stands on the wire. */
export function redisCommand(port: number, words: readonly string[]): Promise<string> {
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
