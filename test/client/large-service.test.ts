import { afterEach, expect, test } from 'vitest';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { createScope, eventually, instanceOf } from '../discovery/setup.ts';
import { serve } from '../support/servers.ts';
import { closeAll, meshOver } from './setup.ts';

afterEach(closeAll);

const COUNT = 5_000;

/** A registry of one service with thousands of instances, all of them at this address. */
function crowd(url: string) {
  const hub = createMemoryRegistry();
  const { hostname, port } = new URL(url);
  const name = (i: number) => `p-${String(i).padStart(5, '0')}`;
  const put = (i: number) => {
    const instance = instanceOf({ id: name(i), host: hostname, port: Number(port) });
    hub.put('players', instance.id, JSON.stringify(instance));
  };
  for (let i = 0; i < COUNT; i++) put(i);
  return { hub, put, name };
}

test('F58: a service of thousands is taken over in turns, and a call that comes before the last of them waits for it', async () => {
  const server = await serve((_, res) => res.end('{}'));
  const { hub } = crowd(server.url);
  const mesh = meshOver([], { registry: hub.registry });
  let turns = 0;
  const count = () => {
    turns++;
    turn = setImmediate(count);
  };
  let turn = setImmediate(count);
  // The registry has answered already, and its answer is not taken over yet.
  const call = mesh.client('players').get('/');
  expect(mesh.explain('players').endpoints.length).toBeLessThan(COUNT);
  expect(await call.json()).toEqual({});
  clearImmediate(turn);
  expect(mesh.explain('players').endpoints.length).toBe(COUNT);
  expect(turns).toBeGreaterThan(1);
});

test('F59: what comes and goes while a large service is taken over is not lost', async () => {
  const server = await serve((_, res) => res.end('{}'));
  const { hub, put, name } = crowd(server.url);
  const owner = hub.registry(createScope());
  const mesh = meshOver([], { registry: hub.registry });
  const call = mesh.client('players').get('/');
  const leaving = owner.announce(instanceOf({ id: name(7), generation: 2 }));
  put(COUNT);
  await leaving.leave();
  await call.json();
  const ids = () => mesh.explain('players').endpoints.map(({ id }) => id);
  await eventually(
    () => ids().at(-1) === name(COUNT),
    () => ids().length,
  );
  expect([ids().length, ids().includes(name(7))]).toEqual([COUNT, false]);
});
