import { expect, test } from 'vitest';
import type { BreakerControl, Mesh } from '../src/index.ts';
import { DocCode } from './support/doc-code.ts';

test('the code in docs/breaker.md does what is said of it', async () => {
  const code = new DocCode('docs/breaker.md', 'test/.breaker');
  const { mesh, players, error } = await code.run<{ mesh: Mesh; players: BreakerControl; error: unknown }>(
    'a breaker in the hands of the application',
    'mesh, players, error',
    {},
  );
  expect(error).toMatchObject({ code: 'MESH_BREAKER_OPEN', attempts: 0 });
  expect([players.state, players.reason]).toEqual(['closed', 'the application lets it decide again']);
  await mesh.close();
  await code.close();
});
