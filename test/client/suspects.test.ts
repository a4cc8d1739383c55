import { afterEach, expect, test } from 'vitest';
import { createMemoryRegistry } from '../../src/discovery/memory.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope, instanceOf } from '../discovery/setup.ts';
import { serve, type TestServer } from '../support/servers.ts';
import { closeAll, meshOver } from './setup.ts';

afterEach(closeAll);

test('F16: a suspect that answers calls stays in use for as long as it answers, and goes when it is called no more', async () => {
  const clock = new ManualClock();
  const hub = createMemoryRegistry();
  const owner = hub.registry(createScope(clock));
  const instance = ({ url, id }: TestServer) =>
    instanceOf({ id, host: '127.0.0.1', port: Number(new URL(url).port), generation: 1 });
  const [listed, cut] = [await serve((_, res) => res.end('{}')), await serve((_, res) => res.end('{}'))];
  for (const server of [listed, cut]) owner.announce(instance(server));
  const mesh = meshOver([], { clock, registry: hub.registry });
  const players = mesh.client('players');
  const call = () => Promise.all(Array.from({ length: 8 }, () => players.get('/').json()));
  const known = () => mesh.explain('players').endpoints.map(({ id }) => id);
  await call();

  // It cannot reach the registry any more, and its lease ends.
  hub.kill(cut.id);
  for (let i = 0; i < 40; i++) {
    await clock.advance(3_000);
    await call();
  }
  expect(known().sort()).toEqual([listed.id, cut.id].sort());
  const before = cut.requests.length;
  await call();
  expect(cut.requests.length).toBeGreaterThan(before);

  await clock.advance(61_000);
  expect(known()).toEqual([listed.id]);
  await owner.close();
});
