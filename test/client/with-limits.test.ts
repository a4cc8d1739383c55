import got from 'got';
import { fetch as undiciFetch } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { runAmbient } from '../../src/core/ambient.ts';
import { ConfigError, isMeshError, type Mesh, meshOf } from '../../src/index.ts';
import { ManualClock } from '../../src/testing/entry.ts';
import { outcome, settled } from '../support/harness.ts';
import { endAll, mesh as meshWith } from '../support/meshes.ts';
import { closeServers, serve } from '../support/servers.ts';
import { functionSetup, refused } from './function-setup.ts';
import { rejection } from './setup.ts';

afterEach(async () => {
  await endAll();
  await closeServers();
});

type Call = () => Promise<unknown>;

const clients: Record<string, (mesh: Mesh) => Call> = {
  fetch: (mesh) => () => mesh.wrap(globalThis.fetch)('http://players/'),
  // The types of the fetch of another copy of undici differ in parts that no call here uses.
  'the fetch of undici': (mesh) => () => mesh.wrap(undiciFetch as unknown as typeof fetch)('http://players/'),
  got: (mesh) => async () => await mesh.wrap(got)('http://players/', { throwHttpErrors: false }),
  'mesh.client': (mesh) => () => mesh.client('players').get('/').text(),
  'mesh.service': (mesh) => {
    const ask = mesh.service<string, Response>(
      'players',
      (path, { endpoint, headers, signal }) =>
        fetch(`http://${endpoint.host}:${endpoint.port}${path}`, { headers, signal }),
      {
        idempotent: () => true,
        classify: (made) => ('response' in made && !made.response.ok ? 'retryable' : undefined),
      },
    );
    return () => ask('/');
  },
};
const each = test.each(Object.entries(clients));

/** What the mesh said of it, behind what the client makes of that. */
function meshError(error: unknown): unknown {
  return isMeshError(error) ? error : meshError((error as Error).cause);
}

const DEFAULTS = { attemptTimeoutMs: false, retry: { baseMs: 0, maxMs: 0 }, breaker: false, health: false } as const;

each('withLimits gives each call of %s fewer attempts, and those outside of it all', async (_, make) => {
  const server = await serve((_req, res) => res.writeHead(503).end());
  const mesh = meshWith({ registry: { players: [server.url] }, defaults: DEFAULTS });
  const call = make(mesh);
  const sent = async (run: Call) => {
    const before = server.requests.length;
    await run().catch(() => {});
    return server.requests.length - before;
  };
  expect(await sent(call)).toBe(3);
  const within = mesh.withLimits({ attempts: 2 }, async () => [await sent(call), await sent(call)]);
  const beside = mesh.withLimits({ attempts: 50 }, () => 0);
  expect([await within, beside]).toEqual([[2, 2], 0]);
  expect(await sent(call)).toBe(3);
  expect(await mesh.withLimits({ attempts: 50 }, () => sent(call))).toBe(3);
  expect(server.requests.every(({ headers }) => !Object.keys(headers).some((name) => /limit/.test(name)))).toBe(true);
});

each('all calls of %s in withLimits have the time together, and tell it to those they call', async (_, make) => {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const server = await serve((req, res) => {
    told.push(req.headers['mesh-timeout-ms']);
    void clock.advance(200).then(() => res.end('well'));
  });
  const mesh = meshWith({ registry: { players: [server.url] }, defaults: { ...DEFAULTS, deadlineMs: 5_000 }, clock });
  const call = make(mesh);
  const error = await mesh.withLimits({ deadlineMs: 500 }, async () => {
    await call();
    await call();
    return rejection(call());
  });
  expect(meshError(error)).toMatchObject({ code: 'MESH_DEADLINE', inherited: false, attempts: 1 });
  expect(meshOf(error)?.service).toBe('players');
  await call();
  expect(told).toEqual(['500', '300', '100', '5000']);
});

test.each([
  ['got', 1, 4, 2],
  ['got', 3, 2, 2],
  ['client', 1, 2, 1],
  ['client', 2, 1, 1],
])(
  'of the limit of one call of %s, %i, and attempts around it, %i, the narrower counts',
  async (which, own, around, sent) => {
    const server = await serve((_req, res) => res.writeHead(503).end());
    const mesh = meshWith({
      registry: { players: [server.url] },
      defaults: { ...DEFAULTS, retry: { attempts: 5, baseMs: 0, maxMs: 0 } },
    });
    const options = { retry: { limit: own }, throwHttpErrors: false };
    const call = async () =>
      which === 'got'
        ? await mesh.wrap(got)('http://players/', options)
        : await mesh.client('players').get('/', { attempts: own });
    await mesh.withLimits({ attempts: around }, call);
    // The limit of got is of retries, which the first attempt is not.
    expect(server.requests).toHaveLength(sent);
  },
);

const always = { idempotent: () => true, retry: { baseMs: 0, maxMs: 0 } };

test('a withLimits in another can only narrow', async () => {
  const { call, next, sent, mesh, clock } = functionSetup<string, string>(always);
  const inner = mesh.withLimits({ attempts: 2, deadlineMs: 400 }, () =>
    mesh.withLimits({ attempts: 3, deadlineMs: 1_000 }, () => call('a')),
  );
  const first = next();
  expect(first.attempt.deadlineMs).toBe(400);
  first.reject(refused());
  await settled();
  next().reject(refused());
  await settled();
  expect(sent).toHaveLength(0);
  expect(meshOf(await rejection(inner))?.notRetried).toBe('attempts');
  const narrower = mesh.withLimits({ attempts: 2, deadlineMs: 400 }, () =>
    mesh.withLimits({ attempts: 1, deadlineMs: 100 }, () => call('b')),
  );
  const { attempt, reject } = next();
  expect(attempt.deadlineMs).toBe(100);
  reject(refused());
  expect(await outcome(narrower)).toMatchObject({ error: { code: 'ECONNREFUSED' } });
  expect(meshOf(await rejection(narrower))?.notRetried).toBe('attempts');
  expect(sent).toHaveLength(0);
  // One of only the one kind leaves the other as it is.
  const held = mesh.withLimits({ deadlineMs: 400 }, () => mesh.withLimits({ attempts: 1 }, () => call('c')));
  expect(next().attempt.deadlineMs).toBe(400);
  void mesh.withLimits({ attempts: 1 }, () => mesh.withLimits({ deadlineMs: 300 }, () => call('d')));
  const last = next();
  expect(last.attempt.deadlineMs).toBe(300);
  last.reject(refused());
  await settled();
  expect(sent).toHaveLength(0);
  await clock.advance(400);
  expect(await outcome(held)).toMatchObject({ error: { code: 'MESH_DEADLINE', inherited: false } });
});

test('the time of withLimits that ran out speaks against nobody, and what comes later is not sent', async () => {
  const { call, sent, mesh, clock } = functionSetup<string, string>({
    ...always,
    health: { failures: 1 },
    breaker: { minimum: 1 },
  });
  const later = await mesh.withLimits({ deadlineMs: 100 }, async () => {
    const late = call('a');
    await clock.advance(100);
    expect(await outcome(late)).toMatchObject({
      error: { code: 'MESH_DEADLINE', inherited: false, message: "the call to 'ledger' did not end within 100 ms" },
    });
    return rejection(call('b'));
  });
  expect(later).toMatchObject({
    code: 'MESH_DEADLINE',
    message: "the call to 'ledger' was not sent: the time it was given has already expired",
    inherited: false,
    attempts: 0,
  });
  expect(sent).toHaveLength(1);
  const { breaker, endpoints } = mesh.explain('ledger');
  expect([breaker.state, ...endpoints.map(({ health }) => health)]).toEqual(['closed', 'up', 'up']);
});

test.each([
  [1_000, 100, false],
  [100, 1_000, true],
])(
  'of the time of the request, %i ms, and of withLimits, %i ms, the shorter counts, and says whose it was',
  async (left, deadlineMs, inherited) => {
    const { call, next, mesh, clock } = functionSetup<string, string>(always);
    const ambient = { trace: undefined, baggage: '', deadline: clock.now() + left, retried: false };
    const reply = runAmbient(ambient, () => mesh.withLimits({ deadlineMs }, () => call('a')));
    expect(next().attempt.deadlineMs).toBe(100);
    await clock.advance(100);
    expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_DEADLINE', inherited } });
  },
);

test('with less of it left than an attempt took, a call is retried nevertheless: nobody else would', async () => {
  const { call, next, mesh, clock } = functionSetup<string, string>(always);
  const reply = mesh.withLimits({ deadlineMs: 100 }, () => call('a'));
  const { reject } = next();
  await clock.advance(80);
  reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }));
  await settled();
  next().resolve('well');
  expect(await reply).toBe('well');
});

test('what is detached in withLimits is free of its time, and not of its attempts', async () => {
  const { call, next, sent, mesh } = functionSetup<string, string>(always);
  const reply = mesh.withLimits({ attempts: 1, deadlineMs: 100 }, () => mesh.detached(() => call('a')));
  const { attempt, reject } = next();
  expect(attempt.deadlineMs).toBe(3_000);
  reject(refused());
  expect(await outcome(reply)).toMatchObject({ error: { code: 'ECONNREFUSED' } });
  expect(sent).toHaveLength(0);
});

test('the priority, the names and the request stay what they are in withLimits', async () => {
  const { call, next, mesh } = functionSetup<string, string>(always);
  const reply = mesh.withPriority('critical', () => mesh.withLimits({ attempts: 1 }, () => call('a')));
  const { attempt, resolve } = next();
  expect(attempt.headers['mesh-priority']).toBe('critical');
  resolve('well');
  expect(await reply).toBe('well');
  expect(mesh.withLimits({}, () => 42)).toBe(42);
});

test.each([
  [{ attempts: 0 }, 'withLimits.attempts must be an integer of at least 1, not 0'],
  [{ attempts: 1.5 }, 'withLimits.attempts must be an integer of at least 1, not 1.5'],
  [{ deadlineMs: 0 }, 'withLimits.deadlineMs must be a number of milliseconds of at least 1, not 0'],
  [{ deadlineMs: Number.NaN }, 'withLimits.deadlineMs must be a number of milliseconds of at least 1, not NaN'],
  [{ signal: new AbortController().signal } as object, "withLimits has no option 'signal'"],
])('withLimits(%j) is refused at once', (limits, message) => {
  let ran = false;
  const run = () => {
    meshWith().withLimits(limits, () => {
      ran = true;
    });
  };
  expect(run).toThrow(ConfigError);
  expect(run).toThrow(message);
  expect(ran).toBe(false);
});

test('what withLimits is to run has to be a function', () => {
  const nothing = undefined as unknown as () => void; // as plain JavaScript might give it
  expect(() => meshWith().withLimits({ attempts: 1 }, nothing)).toThrow('run of withLimits must be a function');
});
