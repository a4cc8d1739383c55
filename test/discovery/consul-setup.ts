import { afterEach } from 'vitest';
import { createConsulRegistry } from '../../src/discovery/consul/consul-registry.ts';
import type { ConsulRegistryOptions } from '../../src/discovery/consul/options.ts';
import type { Watch } from '../../src/discovery/registry.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { type CheckState, ConsulServer, type Registered } from '../support/consul-server.ts';
import { movingWith } from './moving.ts';
import { createScope, eventually } from './setup.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const ids = (watch: Watch) => watch.view.instances.map(({ id }) => id).join(' ');
export const service = (n: number, fields: Partial<Registered> = {}): Registered => ({
  ID: `p${n}`,
  Name: 'players',
  Address: `10.0.0.${n}`,
  Port: 8080,
  ...fields,
});
export const check = (Status: string, Output = 'said so', CheckID = 'own'): CheckState => ({ CheckID, Status, Output });

/** A registry on a clock that stands, and the agent that it asks. */
export async function setup(options: ConsulRegistryOptions = {}) {
  const server = new ConsulServer();
  await server.start();
  cleanups.push(() => server.stop());
  const clock = new ManualClock();
  const scope = createScope(clock);
  const registry = createConsulRegistry('registry', { url: server.url, ...options })(scope);
  const moving = movingWith(clock);
  cleanups.push(async () => {
    let closed = false;
    void registry.close().then(() => {
      closed = true;
    });
    await moving(100, () => closed);
  });
  const gauge = (name: string) => scope.metrics.value(name, { registry: registry.name });
  const follow = async () => {
    const watch = registry.watch('players', () => {});
    await eventually(
      () => watch.view.state === 'current' && server.waiting > 0,
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
