import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { ConfigError, meshOf } from '../../src/index.ts';
import { serve } from '../support/servers.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

test('clients of one service share what they ask at the same time, and not what their readers do to it', async () => {
  const server = await serve((_req, res) => setTimeout(() => res.end('Ann'), 20));
  const mesh = meshOver([server], { singleFlight: {} });
  const [first, second] = await Promise.all([mesh.client('players').get('/a'), mesh.client('players').get('/a')]);
  expect(server.requests).toHaveLength(1);
  expect(counted(mesh, 'calls_shared')).toBe(1);
  first.body.fill(0);
  expect(second.text()).toBe('Ann');
  expect(meshOf(second)?.attempts).toHaveLength(1);
  expect(meshOf(second)?.endpoint).toBe(server.id);
});

test('a header with a line break in it does not pass for two', async () => {
  const server = await serve((_req, res) => setTimeout(() => res.end('Ann'), 20));
  const players = meshOver([server], { singleFlight: {}, fallback: { staleMs: 1_000 } }).client('players');
  const two = players.get('/a', { headers: { 'x-a': '1', 'x-tenant': 'Bob' } });
  const one = players.get('/a', { headers: { 'x-a': '1\nx-tenant: Bob' } });
  expect(await rejection(one)).toMatchObject({ code: 'MESH_CONFIG' });
  expect((await two).text()).toBe('Ann');
});

test('streams are sent by themselves, and clients that give nothing else refuse the option', async () => {
  const server = await serve((_req, res) => setTimeout(() => res.end('Ann'), 20));
  const mesh = meshOver([server], { singleFlight: {} });
  const players = mesh.client('players');
  const streams = await Promise.all([players.stream('GET', '/a'), players.stream('GET', '/a')]);
  for (const { body } of streams) expect(Buffer.concat(await body.toArray()).toString()).toBe('Ann');
  expect(server.requests).toHaveLength(2);
  const error = await rejection(mesh.wrap(globalThis.fetch)('http://players/a'));
  expect(error instanceof ConfigError).toBe(true);
  expect(String(error)).toContain('singleFlight cannot share what fetch is answered with');
  expect(String(await rejection(mesh.wrap(got)('http://players/a')))).toContain('singleFlight cannot share');
});
