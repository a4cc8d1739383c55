import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { resolveBalancer } from '../src/balancer/balancer-options.ts';
import type { Mesh } from '../src/index.ts';
import { DocCode } from './support/doc-code.ts';

const code = new DocCode('docs/balancing.md', 'test/.balancing-docs');
afterAll(() => code.close());

test('the table lists every balancer, and the example makes a mesh that has what it says', async () => {
  const text = readFileSync(new URL('../docs/balancing.md', import.meta.url), 'utf8');
  const listed = [...text.matchAll(/^\| `(?:{ kind: ')?([a-z0-9-]+)/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'balancer');
  const hashOn = { header: 'x' };
  const real = [
    ...['recall', 'p2c', 'peak-ewma', 'least-loaded', 'round-robin', 'weighted-round-robin', 'random'],
    ...['ring-hash', 'maglev'],
  ];
  expect(listed).toEqual(real);
  const all: object[] = real.map((kind) => ({ kind, ...(/ring|maglev/.test(kind) && { hashOn }) }));
  for (const one of all) expect(() => resolveBalancer('balancer', one as { kind: 'recall' })).not.toThrow(); // each checked there
  const { mesh } = await code.run<{ mesh: Mesh }>(
    'how an instance is chosen, for one service and for all others',
    'mesh',
    {},
  );
  const settings = (service: string) =>
    mesh
      .explain(service)
      .settings.filter(({ name }) => name.startsWith('balancer'))
      .map(({ name, value, from }) => [name, value, from]);
  expect(settings('players')).toEqual([
    ['balancer', 'ring-hash', 'services.players'],
    ['balancer.hashOn', 'header x-user', 'services.players'],
    ['balancer.boundedLoad', 1.25, 'services.players'],
  ]);
  expect(settings('others')).toEqual([['balancer', 'p2c', 'defaults']]);
  await mesh.close();
});
