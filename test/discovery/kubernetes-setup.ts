import { afterEach } from 'vitest';
import { createKubernetesRegistry } from '../../src/discovery/kubernetes/kubernetes-registry.ts';
import type { KubernetesRegistryOptions } from '../../src/discovery/kubernetes/options.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type EndpointFields, KubernetesServer } from '../support/kubernetes-server.ts';
import { movingWith } from './moving.ts';
import { createScope, eventually } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Has something ended with the test, before what was made earlier. */
export function afterwards(end: () => Promise<unknown>): void {
  cleanups.push(end);
}

export const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
export const at = (watch: Watch) => watch.view.instances.map(({ host, port }) => `${host}:${port}`).join(' ');

/** The endpoint of a pod. */
export function pod(n: number, fields: Partial<EndpointFields> = {}): EndpointFields {
  return { address: `10.0.0.${n}`, pod: `p${n}`, ...fields };
}

/** A registry on a clock that stands, and the server that it asks. */
export async function setup(server = new KubernetesServer(), options: KubernetesRegistryOptions = {}) {
  await server.start();
  afterwards(() => server.stop());
  const clock = new ManualClock();
  const scope = createScope(clock);
  const given = { server: server.url, namespace: 'default', ...options };
  const registry = createKubernetesRegistry('registry', given)(scope);
  afterwards(() => registry.close());
  const gauge = (name: string) => scope.metrics.value(name, { registry: registry.name });
  const moving = movingWith(clock);
  const follow = async (service = 'players') => {
    const watch = registry.watch(service, () => {});
    await eventually(
      () => watch.view.state === 'current' && server.watching > 0,
      () => watch.view,
    );
    return watch;
  };
  return { server, clock, scope, registry, gauge, moving, follow };
}

export const shows = (watch: Watch, expected: string) =>
  eventually(
    () => ids(watch) === expected,
    () => watch.view,
  );
