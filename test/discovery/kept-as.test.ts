import { afterEach, expect, test } from 'vitest';
import { consulRegistry } from '../../src/discovery/consul/entry.ts';
import { dnsRegistry } from '../../src/discovery/dns/entry.ts';
import { kubernetesRegistry } from '../../src/discovery/kubernetes/entry.ts';
import type { LastViews, Registry, RegistryFactory } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { createScope } from './setup.ts';

const registries: Registry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
});

/** The name under which a registry looks for what was kept. */
async function keptAs(open: RegistryFactory): Promise<string> {
  const clock = new ManualClock();
  const asked: string[] = [];
  const lastViews: LastViews = {
    patienceMs: 1,
    save: () => {},
    recall: async (registry) => {
      asked.push(registry);
      return undefined;
    },
  };
  const registry = open({ ...createScope(clock), lastViews });
  registries.push(registry);
  registry.watch('players', () => {});
  await clock.advance(1);
  return asked.join();
}

const url = 'http://127.0.0.1:1';
const server = 'http://127.0.0.1:1';
const silent = { domain: 'example', servers: ['127.0.0.1:1'] };
const different: readonly [name: string, factories: readonly RegistryFactory[]][] = [
  [
    'dns',
    [
      dnsRegistry(silent),
      dnsRegistry({ ...silent, domain: 'elsewhere' }),
      dnsRegistry({ ...silent, port: 80 }),
      dnsRegistry({ ...silent, srv: '_web._tcp' }),
      dnsRegistry({ ...silent, srv: '_http._tcp', protocol: 'https' }),
    ],
  ],
  [
    'kubernetes',
    [
      kubernetesRegistry({ server, namespace: 'a' }),
      kubernetesRegistry({ server, namespace: 'b' }),
      kubernetesRegistry({ server: 'http://127.0.0.2:1', namespace: 'a' }),
      kubernetesRegistry({ server, namespace: 'a', port: 80 }),
    ],
  ],
  [
    'consul',
    [
      consulRegistry({ url }),
      consulRegistry({ url: 'http://127.0.0.2:1' }),
      consulRegistry({ url, datacenter: 'a' }),
      consulRegistry({ url, namespace: 'a' }),
      consulRegistry({ url, tags: ['a'] }),
      consulRegistry({ url, protocol: 'https' }),
    ],
  ],
];
test.each(different)('what is kept of %s is not taken for what other options would find', async (_, factories) => {
  const names = await Promise.all(factories.map(keptAs));
  expect(names).not.toContain('');
  expect(new Set(names).size).toBe(names.length);
});
