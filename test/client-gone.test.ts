import { once } from 'node:events';
import http from 'node:http';
import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { type CurrentRequest, createMesh, isMeshError, type Mesh } from '../src/index.ts';
import { counted, rejection } from './client/setup.ts';
import { type MeshServer, meshServer } from './support/mesh-server.ts';
import { closeServers, echo, serve } from './support/servers.ts';

const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  await closeServers();
});

const served = async (...given: Parameters<typeof meshServer>): Promise<MeshServer> => {
  const server = await meshServer(...given);
  meshes.push(server.mesh);
  return server;
};

/** A request to `url`, which is given up by `leave`. */
const visit = (url: string) => {
  const req = http.get(url, { agent: false }).on('error', () => {});
  return { leave: () => req.destroy() };
};

const aborted = async (request: CurrentRequest | undefined): Promise<unknown> => {
  const signal = request?.signal;
  if (signal === undefined) throw new Error('there is no request');
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
};

const WAYS: Record<string, (mesh: Mesh) => Promise<unknown>> = {
  'mesh.client': (mesh) => mesh.client('players').get('/').text(),
  'a stream of mesh.client': async (mesh) => {
    const { body } = await mesh.client('players').stream('GET', '/');
    for await (const _ of body);
  },
  fetch: (mesh) => mesh.wrap(globalThis.fetch)('http://players/'),
  got: (mesh) => mesh.wrap(got)('http://players/').text(),
};

const OVER: [way: string, http: 1 | 2][] = Object.keys(WAYS).flatMap(
  (way) =>
    [
      [way, 1],
      [way, 2],
    ] as [string, 1 | 2][],
);

// got speaks HTTP/1.1 alone.
test.each(OVER.filter(([way, http]) => way !== 'got' || http === 1))(
  'F70: a client that goes away ends all that is done for it, two services down, by %s over HTTP/%s',
  async (way, http) => {
    const { promise: reached, resolve: reach } = Promise.withResolvers<CurrentRequest | undefined>();
    const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
    const players = await served(
      'players',
      (mesh, _req, res) => {
        if (way.startsWith('a stream')) res.writeHead(200).flushHeaders();
        reach(mesh.current());
      },
      { http },
    );
    let middle: CurrentRequest | undefined;
    const teams = await served(
      'teams',
      (mesh) => {
        middle = mesh.current();
        WAYS[way]?.(mesh).catch(fail);
      },
      {
        registry: { players: [players.url] },
        defaults: { connections: { http }, breaker: { minimum: 1 }, health: { failures: 1 } },
      },
    );
    const { leave } = visit(teams.url);
    const deepest = await reached;
    expect(middle?.signal.aborted).toBe(false);
    leave();

    expect(await aborted(deepest)).toMatchObject({ code: 'MESH_CANCELLED', service: 'players' });
    expect(await aborted(middle)).toMatchObject({
      name: 'ClientGoneError',
      message: "the client of a request to 'teams' went away before it was answered",
    });
    let error = await failed;
    while (error instanceof Error && !isMeshError(error)) error = error.cause;
    expect(error).toMatchObject({
      message: "the call to 'players' was cancelled: the client of the request it is made for went away",
      cause: middle?.signal.reason,
    });
    for (const { mesh } of [teams, players])
      expect([counted(mesh, 'inbound_abandoned'), counted(mesh, 'inbound_in_flight')]).toEqual([1, 0]);
    expect(counted(teams.mesh, 'attempts')).toBe(1);
    const { breaker, endpoints } = teams.mesh.explain('players');
    expect([breaker.state, endpoints[0]?.health, endpoints[0]?.running]).toEqual(['closed', 'up', 0]);
  },
);

test('what is detached outlives its request, without its time and with all else that it hands on', async () => {
  const players = await serve(echo);
  const { promise: left, resolve: leaving } = Promise.withResolvers<void>();
  const { promise: answer, resolve } = Promise.withResolvers<unknown>();
  const { promise: inner, resolve: seen } = Promise.withResolvers<unknown>();
  const teams = await served(
    'teams',
    async (mesh) => {
      const { signal } = mesh.current() ?? {};
      leaving();
      if (signal?.aborted === false) await once(signal, 'abort');
      const players = mesh.client('players');
      expect(await rejection(players.get('/attached'))).toMatchObject({ code: 'MESH_CANCELLED', attempts: 0 });
      mesh.detached(() => {
        seen(mesh.current());
        resolve(players.get('/detached').json());
      });
      expect(mesh.current()?.signal).toBe(signal);
    },
    { registry: { players: [players.url] }, defaults: { attemptTimeoutMs: false } },
  );
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const req = http
    .get(teams.url, { agent: false, headers: { traceparent, baggage: 'user=7', 'mesh-timeout-ms': '5000' } })
    .on('error', () => {});
  await left;
  req.destroy();
  const { headers, url } = (await answer) as { headers: Record<string, string>; url: string }; // what `echo` answers
  expect(await inner).toBe(undefined);
  expect(url).toBe('/detached');
  expect(headers['traceparent']).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(headers['baggage']).toBe('user=7');
  expect(Number(headers['mesh-timeout-ms'])).toBeGreaterThan(5_000); // of the 10 s of a call
  expect(players.requests.length).toBe(1);
});

test('outside of any request nothing is current, and what is detached there is called as it is', () => {
  const mesh = createMesh({ self: { service: 'teams' }, registry: {}, logger: false });
  meshes.push(mesh);
  expect(mesh.current()).toBe(undefined);
  expect(mesh.detached(() => mesh.current())).toBe(undefined);
  expect(mesh.withPriority('critical', () => mesh.current())).toBe(undefined);
  expect(() => mesh.detached('now' as never)).toThrow("run of detached must be a function, not 'now'");
});
