import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { createMesh, type MeshOptions } from '../src/index.ts';
import { listen, send } from './server/support.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A mesh with a server that answers with what it was asked with. */
async function serving(service: string, options: Partial<MeshOptions> = {}) {
  const mesh = createMesh({ self: { service }, registry: {}, logger: false, ...options });
  const server = createServer(mesh.inbound.listener((req, res) => res.end(JSON.stringify(req.headers))));
  const port = await listen(server);
  closing.push(
    () => server.close(),
    () => mesh.close(),
  );
  return { mesh, port };
}

test('what the application says of its utilisation goes out with its responses; what it throws is a fault, once', async () => {
  let utilisation = () => 0.25;
  const { mesh, port } = await serving('players', { utilisation: () => utilisation() });
  const faults: unknown[] = [];
  mesh.on('fault', (fault) => faults.push(fault));
  const headers = { 'mesh-caller': 'teams' };
  expect((await send(port, { headers })).headers['mesh-load']).toMatch(/^0;[\d.]+;0\.25$/);
  const error = new Error('broken');
  utilisation = () => {
    throw error;
  };
  for (let i = 0; i < 2; i++) expect((await send(port, { headers })).headers['mesh-load']).toMatch(/^0;[\d.]+$/);
  expect(faults).toEqual([{ source: 'utilisation', error }]);
});

test('a caller of the mesh hears of the load with no setting, and tells a server its limit only where soft nack is on', async () => {
  const servers = [await serving('players'), await serving('players')];
  const registry = { players: servers.map(({ port }) => `http://127.0.0.1:${port}`) };
  const called = async (options: Partial<MeshOptions>) => {
    const { mesh } = await serving('teams', { registry, ...options });
    const players = mesh.client('players');
    const limits: unknown[] = [];
    for (let i = 0; i < 3; i++) limits.push((await players.get('/').json<Record<string, string>>())['mesh-limit']);
    return limits;
  };
  expect(await called({})).toEqual([undefined, undefined, undefined]);
  expect(await called({ defaults: { balancer: { kind: 'recall', softNack: true } } })).toEqual([undefined, '1', '1']);
});

test('explain says what the balancer takes an endpoint for', async () => {
  const busy = createServer((_, res) => res.setHeader('mesh-load', '7;12.5').end('{}'));
  const port = await listen(busy);
  closing.push(() => busy.close());
  const { mesh } = await serving('teams', { registry: { players: [`http://127.0.0.1:${port}`] } });
  expect(mesh.explain('players').endpoints[0]?.load).toEqual({ inFlight: 0, serviceMs: undefined, failing: 0 });
  await mesh.client('players').get('/').json();
  const explained = mesh.explain('players');
  expect(explained.endpoints[0]?.load).toMatchObject({ serviceMs: 12.5, failing: 0 });
  expect(explained.endpoints[0]?.load.inFlight).toBeCloseTo(7);
  expect(String(explained)).toMatch(/taken for 7\.0 in flight, 12\.5 ms, 0 % failing/);
});
