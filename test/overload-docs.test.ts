import type { Server } from 'node:http';
import { expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { listen, send } from './server/support.ts';
import { DocCode } from './support/doc-code.ts';

test('the limits in docs/overload.md are in force', async () => {
  const code = new DocCode('docs/overload.md', 'test/.overload');
  const { mesh, server } = await code.run<{ readonly mesh: Mesh; readonly server: Server }>('limits', 'mesh, server', {
    'redis://127.0.0.1:6379': 'file:test/.overload/registry',
  });
  const port = await listen(server);
  expect((await send(port)).body).toBe('served');
  const figure = (name: string) => mesh.metrics().find((reading) => reading.name === name);
  expect(figure('inbound_limit')).toMatchObject({ value: 20 });
  expect(figure('inbound_waiting')).toMatchObject({ value: 0 });
  server.close();
  await mesh.close();
  await code.close();
});
