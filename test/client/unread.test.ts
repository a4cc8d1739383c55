import { afterEach, expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { Events } from '../../src/core/events.ts';
import { UnreadBodies } from '../../src/filters/unread-bodies.ts';
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
    expect(seen).toEqual([{ service: 'players', endpoint: server.id, client, from: undefined }]);
    expect(mesh.explain('players').endpoints[0]?.health).toBe('up');
    expect(mesh.explain('players').recent.at(-1)?.what).toBe(`${server.id}: a body was not read (${client})`);
  },
);

test.each(Object.keys(CLIENTS))(
  'F80: of the next one that nobody reads it is told where its call was made: %s',
  async (client) => {
    const server = await serve(reply(200, bytes(5_000_000)));
    const mesh = meshOver([server], { attemptTimeoutMs: 200 });
    const seen: (string | undefined)[] = [];
    mesh.on('unread', ({ from }) => seen.push(from));
    const kept: unknown[] = [];
    for (let told = 1; told <= 4; told++) {
      kept.push(await CLIENTS[client]?.(mesh));
      await until(() => counted(mesh, 'bodies_unread') === told);
    }
    expect(seen).toEqual([undefined, expect.stringMatching(/^at .*\n.*unread\.test\.ts:\d+/s)]);
    expect(seen[1]).not.toContain('start-call');
  },
);

test('F80: places in the code are kept of a thousand calls after one that nobody read, and of none before it or once it was told', () => {
  const told: (string | undefined)[] = [];
  const events = new Events();
  events.on('unread', ({ from }) => told.push(from));
  const unread = new UnreadBodies();
  const made = () => {
    const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
    unread.made(call, made);
    return call;
  };
  const found = (call: Context) => unread.found(call.fork(0), { target: 'players', binding: 'fetch', events });
  const before = made();
  found(before);
  found(before);
  for (let i = 0; i < 999; i++) made();
  const thousandth = made();
  found(made());
  expect(told).toEqual([undefined]);
  found(thousandth);
  found(made());
  expect(told).toEqual([undefined, expect.stringContaining('unread.test.ts')]);
});

test('F80: a body that is not wanted any more gives back its connection at the end of its block', async () => {
  const server = await serve(reply(200, bytes(5_000_000)));
  const mesh = meshOver([server], { attemptTimeoutMs: false });
  const status = async () => {
    const response = await mesh.client('players').stream('GET', '/');
    await using body = response.body;
    return [response.status, body.destroyed];
  };
  expect(await status()).toEqual([200, false]);
  await until(() => server.open() === 0);
});

test('F80: a body that comes too slowly for its reader still speaks against its endpoint', async () => {
  const server = await serve(drip);
  const mesh = meshOver([server], { attemptTimeoutMs: 200, retry: false, health: { failures: 1 } });
  const { body } = await mesh.client('players').stream('GET', '/');
  body.resume();
  await until(() => mesh.explain('players').endpoints[0]?.health !== 'up');
  expect(counted(mesh, 'bodies_unread')).toBe(0);
});
