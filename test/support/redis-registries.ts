import { afterEach } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import type { RedisRegistryFields } from '../../src/discovery/redis/options.ts';
import { createRedisRegistry } from '../../src/discovery/redis/redis-registry.ts';
import type { Registry, View, Watch } from '../../src/discovery/registry.ts';
import { createScope, eventually, instanceOf, type TestScope } from '../discovery/setup.ts';

/** A registry under test, and what came out of it. */
export interface OpenRegistry {
  readonly registry: Registry;
  readonly scope: TestScope;
}

/** What a caller sees of the service players. */
export interface Followed {
  readonly watch: Watch;
  /** The smallest view since it was first complete. */
  readonly fewest: number;
  /** All of them are there, the view is current, and none is in doubt. */
  readonly whole: boolean;
}

/**
 * Registries whose owners beat every 100 ms, with leases of a second, and which come back within 100 ms. They, and what was started, are closed after
 * each test, the last first.
 */
export function redisRegistries() {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  /** Has something ended with the test, before what was made earlier. */
  function afterwards(end: () => Promise<unknown>): void {
    cleanups.push(end);
  }
  /** Sees to it that something that was started ends with the test. */
  async function started<T extends { close(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
    const thing = await starting;
    afterwards(() => thing.close());
    return thing;
  }
  function open(options: RedisRegistryFields, clock?: Clock): OpenRegistry {
    const scope = createScope(clock);
    const quick = { beatMs: 100, leaseMs: 1_000, reconnectMs: 100 };
    const registry = createRedisRegistry('registry', { ...quick, ...options })(scope);
    afterwards(() => registry.close());
    return { registry, scope };
  }
  return { afterwards, started, open };
}

/** Follows players in `registry`; `complete` is how many there are. */
export function follow(registry: Registry, complete: number): Followed {
  let fewest = Number.POSITIVE_INFINITY;
  const see = (view: View) => {
    if (fewest < Number.POSITIVE_INFINITY || view.instances.length === complete)
      fewest = Math.min(fewest, view.instances.length);
  };
  const watch = registry.watch('players', see);
  return {
    watch,
    get fewest() {
      return fewest;
    },
    get whole() {
      const { state, instances, suspects } = watch.view;
      return state === 'current' && instances.length === complete && suspects.size === 0;
    },
  };
}

/** An owner of three instances of players, and a caller that sees them all. */
export async function threePlayers(owner: OpenRegistry, caller: OpenRegistry) {
  const players = follow(caller.registry, 3);
  const announcements = ['a', 'b', 'c'].map((id) => owner.registry.announce(instanceOf({ id })));
  await eventually(
    () => players.whole,
    () => [players.watch.view, announcements.map(({ state }) => state)],
    10_000,
  );
  return { players, announcements };
}

/** The ids that a watch sees. */
export function ids(watch: Watch): string {
  return watch.view.instances.map(({ id }) => id).join(' ');
}

/** What was said of the registry, and of whether it takes a person. */
export function states({ scope }: OpenRegistry): string {
  return scope
    .seen('registry')
    .map(({ state, permanent }) => (permanent ? `${state} for good` : state))
    .join(', ');
}
