import { afterEach, expect, test } from 'vitest';
import type { Mesh } from '../../src/index.ts';
import { bytes, drip, reply, serve } from '../support/servers.ts';
import { until } from './contract.ts';
import { closeAll, counted, meshOver } from './setup.ts';

afterEach(closeAll);

const CLIENTS: Readonly<Record<string, (mesh: Mesh) => Promise<unknown>>> = {
  'native-stream': (mesh) => mesh.client('players').stream('GET', '/'),
  fetch: (mesh) => mesh.wrap(globalThis.fetch)('http://players/'),
};

test.each(Object.keys(CLIENTS))(
  'F80: a body that nobody reads holds its connection for the time of the attempt, which is told, and speaks against nobody: %s',
  async (client) => {
    const server = await serve(reply(200, bytes(5_000_000)));
    const mesh = meshOver([server], { attemptTimeoutMs: 1_000, health: { failures: 1 } });
    const seen: unknown[] = [];
    mesh.on('unread', (event) => seen.push(event));
    const kept = await Promise.all([1, 2, 3].map(async () => await CLIENTS[client]?.(mesh)));
    await until(() => server.open() === 0);
    expect(kept.length).toBe(3);
    await until(() => counted(mesh, 'bodies_unread') === 3);
    expect(seen).toEqual([{ service: 'players', endpoint: server.id, client }]);
    expect(mesh.explain('players').endpoints[0]?.health).toBe('up');
    expect(mesh.explain('players').recent.at(-1)?.what).toBe(`${server.id}: a body was not read (${client})`);
  },
);

test('F80: a body that comes too slowly for its reader still speaks against its endpoint', async () => {
  const server = await serve(drip);
  const mesh = meshOver([server], { attemptTimeoutMs: 200, retry: false, health: { failures: 1 } });
  const { body } = await mesh.client('players').stream('GET', '/');
  body.resume();
  await until(() => mesh.explain('players').endpoints[0]?.health !== 'up');
  expect(counted(mesh, 'bodies_unread')).toBe(0);
});
