import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { Mesh, Priority } from '../src/index.ts';
import { ManualClock } from '../src/testing/entry.ts';
import { listen } from './server/support.ts';
import { atEnd, endAll, mesh } from './support/meshes.ts';

afterEach(endAll);

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  const port = await listen(server);
  atEnd(() => server.close());
  atEnd(() => server.closeAllConnections());
  return `http://127.0.0.1:${port}`;
}

const figure = (of: Mesh, name: string) =>
  of
    .metrics()
    .filter((reading) => reading.name === name)
    .reduce((sum, reading) => sum + ('value' in reading ? reading.value : 0), 0);

test.each<[Priority | undefined, string]>([
  ['sheddable', 'sheddable'],
  ['critical', 'critical'],
  ['default', ''],
  [undefined, ''],
])('a call of priority %s keeps it through all services that are called for it', async (priority, sent) => {
  const referees = await serving((req, res) => res.end(String(req.headers['mesh-priority'] ?? '')));
  const between = mesh({ self: { service: 'players' }, registry: { referees: [referees] } });
  const client = between.client('referees');
  const players = await serving(
    between.inbound.listener((_req, res) => {
      void client
        .get('/')
        .text()
        .then((text) => res.end(text));
    }),
  );
  const caller = mesh({ registry: { players: [players] } });
  const ask = () => caller.client('players').get('/').text();
  expect(await (priority === undefined ? ask() : caller.withPriority(priority, ask))).toBe(sent);
});

test('what is no priority is refused', () => {
  const given = 'urgent' as Priority; // as plain JavaScript might give it
  expect(() => mesh().withPriority(given, () => 0)).toThrow(
    "withPriority must be one of critical, default, sheddable, not 'urgent'",
  );
});

test('F85: a POST that an overloaded instance refused is served by another, and nobody is taken out for that', async () => {
  let refusals = 0;
  let executed = 0;
  const overloaded = await serving((_req, res) => {
    refusals++;
    res.writeHead(503, { 'mesh-nack': 'overloaded' }).end();
  });
  const well = await serving((_req, res) => {
    executed++;
    res.end('served');
  });
  const caller = mesh({ registry: { players: [overloaded, well] }, defaults: { balancer: 'round-robin' } });
  const players = caller.client('players');
  for (let i = 0; i < 20; i++) expect(await players.post('/', { body: 'x' }).text()).toBe('served');
  expect(executed).toBe(20);
  expect(refusals).toBeGreaterThan(9);
  expect(caller.explain('players').endpoints.map(({ health }) => health)).toEqual(['up', 'up']);
});

test.each([
  [503, 'overloaded'],
  [429, 'rate'],
])(
  'F85: a service that refuses most calls with %i %s is not cut off from the rest by its breaker',
  async (status, nack) => {
    const url = await serving((_req, res) => res.writeHead(status, { 'mesh-nack': nack }).end());
    const caller = mesh({ registry: { players: [url] }, defaults: { retry: false } });
    const players = caller.client('players');
    for (let i = 0; i < 30; i++) {
      await expect(players.get('/')).rejects.toMatchObject({
        code: 'MESH_REFUSED',
        reason: 'overload',
        resend: 'safe',
      });
    }
    expect(caller.explain('players').breaker.state).toBe('closed');
    expect(caller.explain('players').endpoints[0]?.health).toBe('up');
  },
);

test('F87: what is no limit of the process stays reachable while it serves as much as it can', async () => {
  const server = mesh({
    self: { service: 'players' },
    inbound: { limit: { initial: 1, min: 1, max: 1 } },
  });
  const url = await serving(
    server.inbound.listener((req, res) => {
      if (req.url === '/health') res.end('well');
    }),
  );
  const hanging = fetch(`${url}/`);
  hanging.catch(() => {});
  while (server.inbound.explain().limit?.inFlight !== 1) await new Promise((resolve) => setImmediate(resolve));
  expect((await fetch(`${url}/`)).status).toBe(503);
  expect(await (await fetch(`${url}/health`)).text()).toBe('well');
  expect(figure(server, 'inbound_shed')).toBe(1);
});

test.each([
  ['limit', '/status', 'refused'],
  ['rate', '/status', 'refused'],
  ['limit', '/health/ready', 'well'],
  ['rate', '/health/ready', 'well'],
])('F87: checks of whatever path leave an instance in use whose %s is used up (%s)', async (by, path, result) => {
  const limit = { initial: 1, min: 1, max: 1 };
  const server = mesh({
    self: { service: 'players' },
    inbound: by === 'limit' ? { limit } : { rate: { perSecond: 1e-6, burst: 1 } },
  });
  const url = await serving(
    server.inbound.listener((req, res) => {
      if (req.url !== '/hang') res.end('well');
    }),
  );
  const clock = new ManualClock();
  // What takes turns of the event loop here must not take the time of a check.
  const checks = { path, intervalMs: 60_000, timeoutMs: 60_000, fall: 2 } as const;
  const caller = mesh({
    registry: { players: [url] },
    defaults: { checks, deadlineMs: false, attemptTimeoutMs: false },
    clock,
  });
  const hanging = caller.client('players').get('/hang');
  hanging.catch(() => {});
  while (server.inbound.explain().inFlight !== 1) await new Promise((resolve) => setImmediate(resolve));
  const found = (what: string) =>
    caller.metrics().find(({ name, labels }) => name === 'checks' && labels['result'] === what);
  while (figure(caller, 'checks') < 5) {
    await clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(found('failing')).toBe(undefined);
  expect(found(result)).toMatchObject({ value: figure(caller, 'checks') });
  expect(caller.explain('players').endpoints.map(({ health }) => health)).toEqual(['up']);
});

test('inbound explains how it is set, and how it stands', async () => {
  const server = mesh({ inbound: { limit: { max: 50, queue: { size: 7 } } } });
  const url = await serving(server.inbound.listener(() => {}));
  const hanging = fetch(`${url}/`);
  hanging.catch(() => {});
  while (server.inbound.explain().limit?.inFlight !== 1) await new Promise((resolve) => setImmediate(resolve));
  const explained = server.inbound.explain();
  expect([explained.inFlight, explained.limit]).toEqual([1, { value: 20, inFlight: 1, waiting: 0 }]);
  expect(String(explained)).toBe(`inbound: 1 requests; 1 of at most 20, 0 waiting
  limit.algorithm = gradient2 (default)
  limit.initial = 20 (default)
  limit.min = 4 (default)
  limit.max = 50 (inbound)
  limit.slowMs = 1000 (default)
  limit.queue.size = 7 (inbound)
  limit.queue.targetMs = 20 (default)
  limit.queue.intervalMs = 200 (default)
  limit.queue.lifo = false (default)
  rate = false (default)
  exempt = health checks and metrics, by their path (default)`);
});

test('inbound without limits explains that too, and what was said of a rate', () => {
  expect(String(mesh().inbound.explain())).toBe(`inbound: 0 requests; no limit
  limit = false (default)
  rate = false (default)
  exempt = health checks and metrics, by their path (default)`);
  const { settings } = mesh({
    inbound: { limit: false, rate: { perSecond: 5 }, exempt: () => false },
  }).inbound.explain();
  expect(settings).toEqual([
    { name: 'limit', value: false, from: 'inbound' },
    { name: 'rate.perSecond', value: 5, from: 'inbound' },
    { name: 'rate.burst', value: 5, from: 'default' },
    { name: 'exempt', value: 'a function', from: 'inbound' },
  ]);
});
