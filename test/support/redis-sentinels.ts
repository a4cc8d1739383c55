import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, watched } from '../discovery/setup.ts';
import { freePort } from './free-port.ts';
import { redisCommand } from './redis-server.ts';

/** Three Sentinels that watch one primary under the name `mesh`, and fail it over within seconds. */
export interface RedisSentinels {
  /** As ioredis takes them. */
  readonly places: readonly { readonly host: string; readonly port: number }[];
  /** The port of the primary, as each of them says. */
  primaries(): Promise<readonly number[]>;
  /** Runs one command on each. */
  command(name: string, ...words: readonly (string | number)[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Waits until they know of each other, and of `replicas` replicas. */
export async function redisSentinels(primary: number, replicas: number): Promise<RedisSentinels> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-sentinels-'));
  const ports = [await freePort(), await freePort(), await freePort()];
  const children = await Promise.all(
    ports.map(async (port) => {
      const file = join(folder, `${port}.conf`);
      const lines = [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor mesh 127.0.0.1 ${primary} 2`,
        'sentinel down-after-milliseconds mesh 500',
        'sentinel failover-timeout mesh 3000',
      ];
      await writeFile(file, lines.join('\n'));
      return spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
    }),
  );
  const ask = (...words: string[]) =>
    Promise.all(ports.map((port) => redisCommand(port, words).catch((error: unknown) => String(error))));
  const sentinels: RedisSentinels = {
    places: ports.map((port) => ({ host: '127.0.0.1', port })),
    primaries: async () =>
      (await ask('SENTINEL', 'get-master-addr-by-name', 'mesh')).map((reply) => Number(reply.split('\r\n')[4])),
    command: (name, ...words) => ask(name, ...words.map(String)),
    close: async () => {
      for (const child of children) {
        const exit = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await exit;
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
  const known = watched(() => ask('SENTINEL', 'masters'));
  const field = (name: string, value: number) => new RegExp(`${name}\r\n\\$\\d+\r\n${value}\r\n`);
  const ready = (reply: string) =>
    field('num-slaves', replicas).test(reply) && field('num-other-sentinels', 2).test(reply);
  await eventually(() => known()?.every(ready) ?? false, known, 30_000);
  return sentinels;
}
