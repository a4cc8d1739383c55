import { type Clock, systemClock } from '../../src/core/clock.ts';
import { Events, type MeshEventName, type MeshEvents } from '../../src/core/events.ts';
import type { Instance, RegistryScope } from '../../src/discovery/registry.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

/** A scope for one registry, and what came out of it. */
export interface TestScope extends RegistryScope {
  readonly metrics: MemoryMetrics;
  /** All events of that name so far. */
  seen<Name extends MeshEventName>(name: Name): readonly MeshEvents[Name][];
}

let seed = 1;

export function createScope(clock: Clock = systemClock): TestScope {
  const events = new Events();
  const seen: { name: MeshEventName; event: unknown }[] = [];
  const names: MeshEventName[] = ['view', 'doubt', 'registry', 'rejected', 'cache', 'announcement', 'fault'];
  for (const name of names) events.on(name, (event) => seen.push({ name, event }));
  return {
    clock,
    random: seededRandom(seed++),
    events,
    metrics: new MemoryMetrics(),
    seen: <Name extends MeshEventName>(wanted: Name) =>
      seen.filter(({ name }) => name === wanted).map(({ event }) => event as MeshEvents[Name]), // stored under its name
  };
}

export function instanceOf(fields: Partial<Instance> = {}): Instance {
  return {
    id: 'players-1',
    service: 'players',
    host: '10.0.0.1',
    port: 8080,
    protocol: 'http',
    attributes: {},
    weight: 1,
    status: 'up',
    generation: 1,
    ...fields,
  };
}

/** Attributes that are called as what every object inherits. */
export function inheritedNames(): Readonly<Record<string, string>> {
  return JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}');
}

/** Waits for what a real server, disk or socket will bring about. Fails with what was `shown` last when it does not come. */
export async function eventually(
  holds: () => boolean,
  show: () => unknown = () => '',
  withinMs = 5_000,
): Promise<void> {
  const started = performance.now();
  while (!holds()) {
    if (performance.now() - started > withinMs)
      throw new Error(`did not come within ${withinMs} ms; at the end: ${JSON.stringify(show())}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The latest answer to a question that is asked again whenever the answer is looked at; `undefined` before the first. */
export function watched<T>(ask: () => Promise<T>): () => T | undefined {
  let latest: T | undefined;
  return () => {
    ask().then(
      (answer) => {
        latest = answer;
      },
      () => {}, // asked last when the test was done, and its server with it
    );
    return latest;
  };
}
