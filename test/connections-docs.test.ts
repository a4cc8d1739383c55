import { expect, test } from 'vitest';
import type { Mesh } from '../src/index.ts';
import { DocCode } from './support/doc-code.ts';

test('the settings in docs/connections.md are taken', async () => {
  const code = new DocCode('docs/connections.md', 'test/.connections');
  const { mesh } = await code.run<{ readonly mesh: Mesh }>('settings', 'mesh', {});
  const settings = mesh.explain('players').settings.filter(({ name }) => name.startsWith('connections.'));
  expect(Object.fromEntries(settings.map(({ name, value, from }) => [name.slice(12), [value, from]]))).toEqual({
    max: [50, 'services.players'],
    idleMs: [4_000, 'default'],
    maxAgeMs: [120_000, 'services.players'],
    http: [1, 'default'],
    streams: [100, 'default'],
    warm: [20, 'services.players'],
  });
  await mesh.close();
  await code.close();
});
