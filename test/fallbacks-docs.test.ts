import { afterAll, expect, test } from 'vitest';
import type { CallReport, Mesh } from '../src/index.ts';
import { until } from './client/contract.ts';
import { DocCode } from './support/doc-code.ts';
import { closeServers, reply, serve } from './support/servers.ts';

const code = new DocCode('docs/fallbacks.md', 'test/.fallbacks');
afterAll(() => code.close());

test('the fallback in docs/fallbacks.md answers', async () => {
  const { mesh, roster, why } = await code.run<{
    readonly mesh: Mesh;
    readonly roster: unknown;
    readonly why: CallReport['fallback'];
  }>('a fallback', 'mesh, roster, why', {});
  expect(roster).toEqual([]);
  expect(why?.to).toBe('answer');
  expect(why?.because).toContain("cannot connect to 'players'");
  await mesh.close();
});

test('the bulkhead in docs/fallbacks.md is set', async () => {
  const { fair } = await code.run<{ readonly fair: Mesh }>('a bulkhead', 'fair', {});
  const settings = fair.explain('players').settings.filter(({ name }) => name.startsWith('bulkhead'));
  expect(settings.map(({ name, value }) => `${name} = ${value}`)).toEqual([
    'bulkhead.by = header x-tenant',
    'bulkhead.max = 20',
  ]);
  await fair.close();
});

test('the cache in docs/fallbacks.md keeps', async () => {
  const server = await serve(reply(200, 'Ann', { 'cache-control': 'max-age=60' }));
  const { keeping, use } = await code.run<{ readonly keeping: Mesh; readonly use: CallReport['cache'] }>(
    'a cache',
    'keeping, use',
    { 'http://127.0.0.1:3000': server.url },
  );
  expect(use).toBe('hit');
  await keeping.close();
  await closeServers();
});

test('the single-flight in docs/fallbacks.md is set', async () => {
  const { sharing } = await code.run<{ readonly sharing: Mesh }>('single-flight', 'sharing', {});
  const settings = sharing.explain('players').settings.filter(({ name }) => name.startsWith('singleFlight'));
  expect(settings.map(({ name, value }) => `${name} = ${value}`)).toEqual([
    'singleFlight.ignoreHeaders = x-request-id',
  ]);
  await sharing.close();
});

test('the fault in docs/fallbacks.md is met', async () => {
  const { tried, status } = await code.run<{ readonly tried: Mesh; readonly status: number }>(
    'faults',
    'tried, status',
    {},
  );
  expect(status).toBe(503);
  await tried.close();
});

test('the mirroring in docs/fallbacks.md copies', async () => {
  const [players, next] = [await serve(reply(200, 'players')), await serve(reply(200, 'next'))];
  const { mirrored, answer } = await code.run<{ readonly mirrored: Mesh; readonly answer: string }>(
    'mirroring',
    'mirrored, answer',
    { 'http://127.0.0.1:3000': players.url, 'http://127.0.0.1:3001': next.url },
  );
  expect(answer).toBe('players');
  await until(() => next.requests.length === 1);
  expect(next.requests[0]?.url).toBe('/roster');
  await mirrored.close();
  await closeServers();
});
