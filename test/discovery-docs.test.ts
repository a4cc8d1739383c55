import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { indexKey, serviceKeys } from '../src/discovery/redis/keys.ts';
import { createMesh, type Mesh } from '../src/index.ts';
import { listen } from './server/support.ts';
import { DocCode } from './support/doc-code.ts';
import { readDocument, rowsOf, sectionOf } from './support/markdown.ts';
import { type RedisServer, redisServer } from './support/redis-server.ts';

interface Left {
  readonly mesh: Mesh;
  readonly roster: { readonly path: string };
}

const document = new DocCode('docs/discovery.md', 'test/.discovery');
const server = createServer((req, res) => res.end(JSON.stringify({ path: req.url })));
const meshes: Mesh[] = [];
let redis: RedisServer;

beforeAll(async () => {
  redis = await redisServer();
  await redis.start();
});
afterAll(async () => {
  for (const mesh of meshes) await mesh.close();
  server.closeAllConnections();
  server.close();
  await redis.close();
  await document.close();
});

test('the first block of docs/discovery.md does what it says', async () => {
  const port = await listen(server);
  const players = createMesh({ self: { service: 'players' }, registry: redis.url, logger: false });
  meshes.push(players);
  const registration = await players.register({ host: '127.0.0.1', port });
  await expect.poll(() => registration.state).toBe('announced');
  const { mesh, roster } = await document.run<Left>(
    'a process that starts without Redis too, and goes only where it may',
    'mesh, roster',
    { 'redis://127.0.0.1:6379': redis.url, '.heddle-cache': 'test/.discovery/cache' },
  );
  meshes.push(mesh);
  expect(roster.path).toBe('/teams/42');
  expect(String(mesh.explain('players'))).toContain('current');
});

test('the keys in the table of docs/discovery.md are those of a service', () => {
  const rows = rowsOf(sectionOf(readDocument('docs/discovery.md'), 'What Redis holds'), 'key');
  const real = [...Object.values(serviceKeys('default', 'players')), indexKey('default')];
  expect(rows.map(({ key = '' }) => key.replaceAll('`', '')).toSorted()).toEqual(real.toSorted());
});

test('the places at which docs/discovery.md finds Redis are options that it takes', async () => {
  const given = `import { Redis } from 'ioredis';
import { redisRegistry } from 'heddle/redis';
const [ca, password, client] = ['', 'secret', new Redis({ lazyConnect: true })];`;
  const { client } = await document.run<{ client: { disconnect(): void } }>('the four places', 'client', {
    '// the four places': given,
  });
  client.disconnect();
});
