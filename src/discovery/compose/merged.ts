import { fail } from '../../core/check.ts';
import { openRegistry, type RegistryOption } from '../open-registry.ts';
import type { RegistryFactory } from '../registry.ts';
import { allTogether } from './all-together.ts';
import { composeRegistries } from './composite-registry.ts';

/**
 * Several registries side by side, for `registry:`: an instance is known when one of them lists it. Of two with the same id the newer
 * generation counts, of the same generation what the earlier registry says. Each takes what `registry:` takes, an array of registries in
 * order too; throws a `ConfigError` for one that is none.
 *
 * A process has one id wherever it announces itself, so it counts once. What lists or DNS know has other ids: a process that stands in both
 * gets calls for both.
 */
export function merged(...registries: readonly RegistryOption[]): RegistryFactory {
  if (registries.length === 0) fail('merged', 'given at least one registry', undefined);
  const factories = registries.map((registry, i) => openRegistry(`merged[${i}]`, registry));
  return composeRegistries({ name: (names) => `merged(${names.join(', ')})`, combine: allTogether }, factories);
}
