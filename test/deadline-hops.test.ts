import { afterEach, expect, test } from 'vitest';
import { createMesh, type Mesh } from '../src/index.ts';
import { ManualClock } from '../src/testing/manual-clock.ts';
import { counted, rejection } from './client/setup.ts';
import { meshServer } from './support/mesh-server.ts';
import { closeServers } from './support/servers.ts';

const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  await closeServers();
});

test('F68: of 200 ms each of three hops leaves the next what it did not use, whatever the clocks say', async () => {
  // Each process has its own: none of them began at the same time, nor agrees on the date.
  const clocks = [10, 5_000_000, 77_777, 1_000].map((now, i) => new ManualClock(now, Date.UTC(1990 + 20 * i)));
  const [clock, clockA, clockB, clockC] = clocks as [ManualClock, ManualClock, ManualClock, ManualClock];
  const left: (number | undefined)[] = [];
  const told: string[] = [];
  let error: unknown;

  const c = await meshServer(
    'c',
    (mesh, req, res) => {
      told.push(String(req.headers['mesh-timeout-ms']));
      left.push(mesh.current()?.leftMs);
      res.end('c');
    },
    { clock: clockC },
  );
  const b = await meshServer(
    'b',
    async (mesh, req, res) => {
      told.push(String(req.headers['mesh-timeout-ms']));
      left.push(mesh.current()?.leftMs);
      await clockB.advance(90);
      const answer = await mesh.client('c').get('/').text();
      await clockB.advance(30);
      error = await rejection(mesh.client('c').get('/'));
      res.end(`b${answer}`);
    },
    { clock: clockB, registry: { c: [c.url] } },
  );
  const a = await meshServer(
    'a',
    async (mesh, req, res) => {
      told.push(String(req.headers['mesh-timeout-ms']));
      left.push(mesh.current()?.leftMs);
      await clockA.advance(80);
      // What a hop allows itself only narrows what it was given.
      res.end(`a${await mesh.client('b').get('/', { deadlineMs: 60_000 }).text()}`);
    },
    { clock: clockA, registry: { b: [b.url] } },
  );
  const mesh = createMesh({ self: { service: 'top' }, registry: { a: [a.url] }, clock, logger: false });
  meshes.push(mesh, a.mesh, b.mesh, c.mesh);

  expect(await mesh.client('a').get('/', { deadlineMs: 200 }).text()).toBe('abc');
  expect(told).toEqual(['200', '120', '30']);
  expect(left).toEqual([200, 120, 30]);
  expect(error).toMatchObject({ code: 'MESH_DEADLINE', inherited: true, attempts: 0 });
  expect(counted(c.mesh, 'inbound_requests')).toBe(1);
});
