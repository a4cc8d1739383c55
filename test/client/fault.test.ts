import got, { HTTPError, RequestError } from 'got';
import { afterEach, expect, test } from 'vitest';
import { ConnectError, meshOf } from '../../src/index.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { echo, serve } from '../support/servers.ts';
import { closeAll, counted, meshOver, rejection } from './setup.ts';

afterEach(closeAll);

async function setup(abort: number | 'refused' | 'reset') {
  const server = await serve(echo);
  return { server, mesh: meshOver([server], { fault: { abort, header: 'x-fault' }, retry: false }) };
}
const headers = { 'x-fault': 'yes' };

test('a status that is injected is a response of each client, and the next request is sent', async () => {
  const { mesh, server } = await setup(503);
  const players = mesh.client('players');
  const fetch = mesh.wrap(globalThis.fetch);
  const http = mesh.wrap(got);
  const res = await players.get('/', { headers });
  expect([res.status, res.text()]).toEqual([503, 'this response was injected, nothing was sent']);
  expect(meshOf(res)?.attempts).toMatchObject([{ fault: '503', endpoint: server.id }]);
  const fetched = await fetch('http://players/', { headers });
  expect([fetched.status, await fetched.text()]).toEqual([503, res.text()]);
  const error = await rejection(http('http://players/', { headers }));
  expect(error instanceof HTTPError).toBe(true);
  expect((error as HTTPError).response.body).toBe(res.text());
  expect(server.requests).toHaveLength(0);
  expect((await fetch('http://players/')).status).toBe(200);
  expect((await http('http://players/')).statusCode).toBe(200);
  expect(meshOf(await players.get('/'))?.attempts[0]?.fault).toBeUndefined();
});

test('a connection that is made to fail is the error that each client has for that', async () => {
  const { mesh, server } = await setup('refused');
  expect((await rejection(mesh.client('players').get('/', { headers }))) instanceof ConnectError).toBe(true);
  const fetched = await rejection(mesh.wrap(globalThis.fetch)('http://players/', { headers }));
  expect(fetched instanceof TypeError).toBe(true);
  expect(fetched).toMatchObject({ message: 'fetch failed', cause: { code: 'ECONNREFUSED' } });
  expect(meshOf(fetched)?.attempts).toHaveLength(1);
  const error = await rejection(mesh.wrap(got)('http://players/', { headers }));
  expect(error instanceof RequestError).toBe(true);
  expect(error).toMatchObject({ code: 'ECONNREFUSED', message: 'connect ECONNREFUSED (injected)' });
  expect(server.requests).toHaveLength(0);
});

test('a long POST that met faults before arrives whole', async () => {
  const server = await serve(echo);
  const random = seededRandom(1);
  const mesh = meshOver([server], { fault: { abort: 'refused', abortRatio: 0.3 }, retry: { attempts: 5 }, random });
  for (let i = 0; i < 10; i++) {
    const res = await mesh.wrap(got).post('http://players/', { body: Buffer.alloc(200_000, 'x') });
    expect(res.statusCode).toBe(200);
    expect(server.requests[i]?.headers['content-length']).toBe('200000');
  }
  expect(counted(mesh, 'faults_injected')).toBeGreaterThan(0);
});
