import got, { type Hooks } from 'got';
import { afterEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { type DeadlineError, isMeshError, type Mesh, type MeshOptions, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { endAll, mesh as meshWith } from '../support/meshes.ts';
import { type Answer, closeServers, serve } from '../support/servers.ts';
import { counted, rejection } from './setup.ts';

afterEach(async () => {
  await endAll();
  await closeServers();
});

type Call = (url: string) => Promise<{ readonly status: number }>;

const clients: Record<string, (mesh: Mesh) => Call> = {
  fetch: (mesh) => mesh.wrap(globalThis.fetch),
  got: (mesh) => {
    const http = mesh.wrap(got);
    return async (url) => ({ status: (await http(url)).statusCode });
  },
};

/** Moves from `/5` to `/4`, and so on to `/0`, each after 200 ms. */
function moving(clock: ManualClock, told: (string | undefined)[]): Answer {
  return (req, res) => {
    const { headers, url = '' } = req;
    told.push(String(headers['mesh-timeout-ms']));
    const left = Number(url.slice(1));
    void clock
      .advance(200)
      .then(() => (left === 0 ? res.end() : res.writeHead(302, { location: `/${left - 1}` }).end()));
  };
}

async function setup(client: string, settings: MeshOptions['defaults'] = {}) {
  const clock = new ManualClock();
  const told: (string | undefined)[] = [];
  const server = await serve(moving(clock, told));
  const mesh = meshWith({
    registry: { players: [server.url] },
    defaults: { deadlineMs: 300, attemptTimeoutMs: false, retry: false, ...settings },
    clock,
  });
  const call = clients[client]?.(mesh);
  if (call === undefined) throw new Error('there is one');
  return { clock, told, mesh, call };
}

/** What the mesh said of it, behind what the client makes of that. */
function meshError(error: unknown): unknown {
  return isMeshError(error) ? error : meshError((error as Error).cause);
}

const each = test.each(Object.keys(clients));

each('F68: the redirects of one %s have the time of one call', async (client) => {
  const { call, clock, told, mesh } = await setup(client, { deadlineMs: 500 });
  const began = clock.now();
  const error = await rejection(call('http://players/5'));
  expect(meshError(error)).toMatchObject({
    code: 'MESH_DEADLINE',
    message: "the call to 'players' did not end within 500 ms",
    inherited: false,
  } satisfies Partial<DeadlineError>);
  expect(told).toEqual(['500', '300', '100']);
  expect(counted(mesh, 'calls_expired')).toBe(1);
  expect(clock.now() - began).toBeLessThanOrEqual(600);
  expect(meshOf(error)?.service).toBe('players');
});

each(
  'F68: an instance that had the rest of it only, behind redirects of %s, is not blamed for being cut off',
  async (client) => {
    const { call, mesh } = await setup(client, { deadlineMs: 500, health: { failures: 1 }, breaker: false });
    for (let i = 0; i < 3; i++)
      expect(meshError(await rejection(call('http://players/5')))).toMatchObject({ code: 'MESH_DEADLINE' });
    expect(mesh.explain('players').endpoints.map(({ health, reason }) => [health, reason])).toEqual([['up', '']]);
  },
);

each('one that had all of it is blamed, and by %s too the service whose redirects took all of it', async (client) => {
  const alone = await setup(client, { deadlineMs: 100, health: { failures: 1 }, breaker: false });
  await rejection(alone.call('http://players/0'));
  expect(alone.mesh.explain('players').endpoints.map(({ health }) => health)).toEqual(['down']);
  // One redirect, and a call that is cut off.
  const { call, mesh } = await setup(client, { health: false, breaker: { minimum: 4, failureRatio: 0.3 } });
  for (let i = 0; i < 4; i++) await rejection(call('http://players/1'));
  expect(mesh.explain('players').breaker.state).toBe('open');
});

each('those of %s that fit into it are followed, and the next request has its time anew', async (client) => {
  const { call, told } = await setup(client, { deadlineMs: 1_000 });
  for (let i = 0; i < 2; i++) expect((await call('http://players/3')).status).toBe(200);
  expect(told).toEqual(['1000', '800', '600', '400', '1000', '800', '600', '400']);
});

each('without a deadline they have no end by %s', async (client) => {
  const { call, told } = await setup(client, { deadlineMs: false });
  expect((await call('http://players/3')).status).toBe(200);
  expect(told).toEqual(['undefined', 'undefined', 'undefined', 'undefined']);
});

each('where the time is that of the request they are made for, %s says so', async (client) => {
  const { call, clock, told } = await setup(client, { deadlineMs: 10_000 });
  const ambient = { trace: undefined, baggage: '', deadline: clock.now() + 300, retried: false };
  const error = await rejection(runAmbient(ambient, () => call('http://players/5')));
  const message = "the call to 'players' did not end within 100 ms"; // which is what the request had left for the second
  expect(meshError(error)).toMatchObject({ code: 'MESH_DEADLINE', inherited: true, message });
  expect(told).toEqual(['300', '100']);
});

each('each redirect of %s is a request of its own to retries', async (client) => {
  const seen: (string | undefined)[] = [];
  const server = await serve((req, res) => {
    const again = seen.at(-1) === req.url;
    seen.push(req.url);
    if (!again) res.writeHead(503).end();
    else if (req.url === '/old') res.writeHead(302, { location: '/new' }).end();
    else res.end();
  });
  const mesh = meshWith({
    registry: { players: [server.url] },
    defaults: { retry: { attempts: 2, baseMs: 0, maxMs: 0 } },
  });
  expect((await clients[client]?.(mesh)('http://players/old'))?.status).toBe(200);
  expect(seen).toEqual(['/old', '/old', '/new', '/new']);
});

test('a redirect of got that comes too late is not followed', async () => {
  const { clock, mesh, told } = await setup('got');
  const http = mesh.wrap(got);
  const hooks = { beforeRedirect: [() => clock.advance(100)] };
  const error = await rejection(http('http://players/5', { hooks }));
  expect(meshError(error)).toMatchObject({
    code: 'MESH_DEADLINE',
    message: "the call to 'players' did not end within 300 ms",
    inherited: false,
    attempts: 0,
  });
  expect(told).toEqual(['300']);
});

test('a hook of got that asks again has its time anew, redirects before it or not', async () => {
  const { mesh, told } = await setup('got', { deadlineMs: 1_000 });
  const http = mesh.wrap(got);
  let asked = 0;
  const hooks: Partial<Hooks> = {
    afterResponse: [
      (response, retryWithMergedOptions) =>
        asked++ === 0 ? retryWithMergedOptions({ headers: { x: '1' } }) : response,
    ],
  };
  expect((await http('http://players/1', { hooks })).statusCode).toBe(200);
  expect(told).toEqual(['1000', '800', '1000']);
});

test('each page of got has its time anew', async () => {
  const { mesh, told } = await setup('got', { deadlineMs: 500 });
  const http = mesh.wrap(got);
  const pagination = {
    transform: () => [1],
    paginate: () => (told.length < 4 ? { url: new URL('http://players/1') } : (false as const)),
  };
  for await (const one of http.paginate('http://players/1', { pagination })) expect(one).toBe(1);
  expect(told).toEqual(['500', '300', '500', '300']);
});

test.each([
  [10_000, '800'],
  [500, '500'],
])('a redirect of got to a service with %i ms has the least of both', async (deadlineMs, left) => {
  const clock = new ManualClock();
  const told: (string | undefined)[] = [];
  const teams = await serve(moving(clock, told));
  const players = await serve((_req, res) => {
    void clock.advance(200).then(() => res.writeHead(302, { location: 'http://teams/0' }).end());
  });
  const mesh = meshWith({
    registry: { players: [players.url], teams: [teams.url] },
    services: { players: { deadlineMs: 1_000 }, teams: { deadlineMs } },
    clock,
  });
  expect((await mesh.wrap(got)('http://players/')).statusCode).toBe(200);
  expect(told).toEqual([left]);
});

test('where the service that redirects took the time, the one that got is led to is not blamed', async () => {
  const clock = new ManualClock();
  const teams = await serve(moving(clock, []));
  const players = await serve((_req, res) => {
    void clock.advance(200).then(() => res.writeHead(302, { location: 'http://teams/0' }).end());
  });
  const mesh = meshWith({
    registry: { players: [players.url], teams: [teams.url] },
    defaults: { retry: false, health: { failures: 1 }, breaker: { minimum: 1 } },
    services: { players: { deadlineMs: 300 } },
    clock,
  });
  for (let i = 0; i < 3; i++)
    expect(meshError(await rejection(mesh.wrap(got)('http://players/')))).toMatchObject({
      code: 'MESH_DEADLINE',
      message: "the call to 'teams' did not end within 300 ms",
      inherited: false,
    });
  const { breaker, endpoints } = mesh.explain('teams');
  expect([breaker.state, endpoints.map(({ health }) => health)]).toEqual(['closed', ['up']]);
});

each('with a fallback, redirects of %s share the time as well', async (client) => {
  const { call, told } = await setup(client, { deadlineMs: 500, fallback: { answer: () => undefined } });
  const error = await rejection(call('http://players/5'));
  expect(meshError(error)).toMatchObject({
    code: 'MESH_DEADLINE',
    message: "the call to 'players' did not end within 500 ms",
    inherited: false,
  });
  expect(told).toEqual(['500', '300', '100']);
});
