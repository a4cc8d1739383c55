import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { listen, send } from './server/support.ts';
import { DocCode } from './support/doc-code.ts';
import { closeServers, serve } from './support/servers.ts';

afterEach(closeServers);

test('the handler in docs/deadlines.md answers, and what it detaches outlives its request', async () => {
  const players = await serve((req, res) => res.end(req.url === '/roster' ? 'Ann' : ''));
  const code = new DocCode('docs/deadlines.md', 'test/.deadlines');
  const { mesh, server } = await code.run<{ readonly mesh: Mesh; readonly server: Server }>(
    'work that ends with its request',
    'mesh, server',
    { 'http://127.0.0.1:9': players.url },
  );
  const port = await listen(server);
  const gone = once(server, 'request');
  expect((await send(port, { path: '/teams' })).body).toBe('<p>Ann</p>');
  const [, res] = await gone;
  expect(res.writableFinished).toBe(true);
  const seen = await players.request(2);
  await seen.whole;
  expect([seen.method, seen.url, seen.body().toString()]).toEqual(['POST', '/seen', '/teams']);
  expect(mesh.metrics().find(({ name }) => name === 'inbound_abandoned')).toMatchObject({ value: 0 });
  server.close();
  await mesh.close();
  await code.close();
});
