import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type Client, createMesh, type Mesh, type RequestOptions, type ServiceOptions } from '../src/index.ts';
import { counted } from './client/setup.ts';
import { meshServer } from './support/mesh-server.ts';
import { closeServers, nobody, reply, serve } from './support/servers.ts';

const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
  await closeServers();
});

/** Passes each request on to the next service, within these limits, and its failure back, as a gateway does. */
const passingOn = (next: string, limits: RequestOptions = {}) => {
  let client: Client | undefined;
  return async (mesh: Mesh, _req: unknown, res: ServerResponse) => {
    client ??= mesh.client(next);
    const answer = await client.get('/', limits).catch(() => undefined);
    res.writeHead(answer?.status ?? 503).end();
  };
};

/** Calls `a`, which calls `b`, which calls `c`, which is dead. Returns the attempts at `c`. */
async function calls(count: number, dead: { readonly url: string }, defaults: ServiceOptions): Promise<number> {
  const quick = { ...defaults, retry: { baseMs: 0, maxMs: 0, ...(defaults.retry || {}) } };
  const b = await meshServer('b', passingOn('c'), { registry: { c: [dead.url] }, defaults: quick });
  const a = await meshServer('a', passingOn('b'), { registry: { b: [b.url] }, defaults: quick });
  const top = createMesh({ self: { service: 'top' }, registry: { a: [a.url] }, defaults: quick, logger: false });
  meshes.push(top, a.mesh, b.mesh);
  const client = top.client('a');
  for (let i = 0; i < count; i += 20)
    await Promise.all(Array.from({ length: 20 }, () => client.get('/').catch(() => undefined)));
  return counted(b.mesh, 'attempts');
}

const DEAD: Record<string, () => Promise<{ readonly url: string }>> = {
  'answers 503': () => serve(reply(503)),
  // So that it is no outage, in which nobody retries.
  'answers 503 to nine of ten': () => {
    let requests = 0;
    return serve((_req, res) => res.writeHead(++requests % 10 === 0 ? 200 : 503).end());
  },
  'is not there': nobody,
};

test.each(Object.keys(DEAD))(
  'F62: a service that %s, three layers down, gets at most 1.2 attempts for each call, by the budget alone',
  async (way) => {
    const dead = await (DEAD[way] ?? nobody)();
    // Nothing but retries and their budget: no layer is saved by failing fast.
    const alone = { breaker: false, health: false, retry: { budgetPerSecond: 0 } } as const;
    const attempts = await calls(500, dead, alone);
    expect(attempts).toBeGreaterThan(500);
    expect(attempts).toBeLessThanOrEqual(600);
  },
  60_000,
);

test.each([
  ['2', ['2'], 'already-retried'],
  [undefined, ['1', '2', '3'], 'attempts'],
])('F62: what is called for attempt %s of a request is sent as attempts %j', async (attempt, sent, why) => {
  const dead = await serve(reply(503));
  const retry = { attempts: 3, baseMs: 0, maxMs: 0 };
  const b = await meshServer('b', passingOn('c'), { registry: { c: [dead.url] }, defaults: { retry } });
  meshes.push(b.mesh);
  const headers = { 'mesh-caller': 'a', ...(attempt && { 'mesh-attempt': attempt }) };
  expect((await fetch(b.url, { headers })).status).toBe(503);
  // A first attempt may say nothing.
  expect(dead.requests.map((request) => request.headers['mesh-attempt'] ?? '1')).toEqual(sent);
  expect(counted(b.mesh, 'retries_refused', { reason: why })).toBe(1);
});

const NO_ANSWER = { fallback: { staleMs: 1_000 } };

test.each<[ServiceOptions, RequestOptions, string | null]>([
  [{ retry: false }, {}, null],
  [{}, { attempts: 1 }, null],
  [{ retry: { attempts: 1 }, ...NO_ANSWER }, {}, null],
  [{}, { attempts: 2 }, '1'],
  [NO_ANSWER, {}, '1'],
])(
  'F62: a server that failed says so when it retried: with %o, and %o for the call, %s',
  async (defaults, limits, said) => {
    const dead = await serve(reply(503));
    const b = await meshServer('b', passingOn('c', limits), { registry: { c: [dead.url] }, defaults });
    meshes.push(b.mesh);
    const answer = await fetch(b.url, { headers: { 'mesh-caller': 'a' } });
    expect([answer.status, answer.headers.get('mesh-retried')]).toEqual([503, said]);
  },
);

test.each(Object.keys(DEAD))(
  'F62: a service that %s, three layers down, gets far less with all defaults',
  async (way) => {
    const dead = await (DEAD[way] ?? nobody)();
    expect(await calls(500, dead, {})).toBeLessThanOrEqual(250);
  },
);
