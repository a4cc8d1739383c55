import { afterEach, expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { DocCode } from './support/doc-code.ts';
import { closeServers, serve } from './support/servers.ts';

afterEach(closeServers);

test('the example in docs/retries.md makes a mesh that hedges, and says why a call was not retried', async () => {
  const code = new DocCode('docs/retries.md', 'test/.retries');
  const left = await code.run<{ readonly mesh: Mesh; readonly why: unknown; readonly known: unknown }>(
    'retries and hedging of one service',
    'mesh, why, known',
    {},
  );
  const { mesh, why, known } = left;
  expect([why, known]).toEqual(['attempts', 'attempts']);
  const settings = mesh.explain('players').settings.filter(({ name }) => name.startsWith('hedge'));
  expect(settings).toEqual([
    { name: 'hedge.quantile', value: 0.99, from: 'default' },
    { name: 'hedge.budgetRatio', value: 0.02, from: 'default' },
  ]);
  await mesh.close();
  await code.close();
});

test('each call of the example in docs/retries.md is sent twice, and not a third time', async () => {
  const players = await serve((req, res) => {
    const times = players.requests.filter(({ url }) => url === req.url).length;
    res.writeHead(req.url === '/roster/1' && times > 1 ? 200 : 503).end(`${req.url} ${times}`);
  });
  const code = new DocCode('docs/retries.md', 'test/.retries');
  const { mesh, pages } = await code.run<{ readonly mesh: Mesh; readonly pages: unknown }>(
    'limits of some calls',
    'mesh, pages',
    // A machine that is busy must not decide how it ends.
    { 'http://127.0.0.1:9': players.url, 'deadlineMs: 500': 'deadlineMs: 60_000' },
  );
  expect(pages).toEqual(['/roster/1 2', '/roster/2 2']);
  await mesh.close();
  await code.close();
});
