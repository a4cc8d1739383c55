import { expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { DocCode } from './support/doc-code.ts';

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
