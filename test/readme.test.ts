import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { type RedisServer, redisServer } from './support/redis-server.ts';

/** What a block leaves behind: the names that it declares. */
interface Left {
  readonly mesh: Mesh;
  readonly server?: Server;
  readonly roster?: unknown;
  readonly response?: Response;
}

const folder = new URL('.readme/', import.meta.url);
const opened: Left[] = [];
let redis: RedisServer;

beforeAll(async () => {
  redis = await redisServer();
  await redis.start();
  await mkdir(folder, { recursive: true });
});
afterAll(async () => {
  for (const { mesh, server } of opened) {
    await mesh.close();
    server?.closeAllConnections();
    server?.close();
  }
  await redis.close();
  await rm(folder, { recursive: true });
});

/** The block of the README whose first line is this comment, with nothing changed but addresses. */
async function run(title: string, names: string, ports: readonly number[] = [0]): Promise<Left> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const code = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, block = '']) => block)
    .find((block) => block.startsWith(`// ${title}\n`));
  if (code === undefined) throw new Error(`the README has no block '${title}'`);
  const here = code
    .replaceAll('redis://127.0.0.1:6379', redis.url)
    .replaceAll('3000', String(ports[0]))
    .replaceAll('3001', String(ports[1]))
    .replaceAll('console.log', '((_: unknown) => {})');
  const file = new URL(`${title.replaceAll(/\W/g, '-')}-${opened.length}.ts`, folder);
  await writeFile(file, `${here}\nexport { ${names} };\n`);
  const left: Left = await import(/* @vite-ignore */ file.pathname);
  opened.push(left);
  return left;
}

function portOf({ server }: Left): number {
  const address = server?.address();
  if (typeof address !== 'object' || address === null) throw new Error('the block has no server that listens');
  return address.port;
}

test('the blocks of the README do what they say, on a real Redis', async () => {
  const servers = [
    await run('a service that is called', 'mesh, server'),
    await run('a service that is called', 'mesh, server'),
  ];
  const caller = await run('a service that calls another', 'mesh, roster');
  expect(caller.roster).toEqual({ path: '/teams/42' });

  const ports = servers.map(portOf);
  const plain = await run(
    "without a registry to run; fetch, and the mesh's own client",
    'mesh, response, roster',
    ports,
  );
  expect(plain.response?.status).toBe(200);
  expect(plain.roster).toEqual({ path: '/teams/42?season=2026' });
  expect(String(plain.mesh.explain('players'))).toContain('retry.attempts = 2 (services.players)');
});

test('the example that leads in takes ten lines', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [, block = ''] = /```ts\n\/\/ a service that calls another\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(block.split('\n').filter((line) => line !== '').length).toBeLessThanOrEqual(10);
});
