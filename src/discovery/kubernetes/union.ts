import type { Instance } from '../registry.ts';
import type { Slice } from './slice.ts';

/** While an endpoint moves from one slice to another, both have it. Who terminates never takes it back; then ready is later news. */
const RANK: Readonly<Record<Instance['status'], number>> = { draining: 2, up: 1, out: 0 };

/**
 * The instances of a service: those of all its slices, each once. A pod that has an address of either family is called at its IPv4 one:
 * it is one process, and must not get the share of two.
 */
export function unionOf(slices: Iterable<Slice>): readonly Instance[] {
  const all = [...slices];
  const union = merged(all.filter(({ family }) => family === 4));
  for (const [id, instance] of merged(all.filter(({ family }) => family === 6)))
    if (!union.has(id)) union.set(id, instance);
  return [...union.values()];
}

function merged(slices: readonly Slice[]): Map<string, Instance> {
  const instances = new Map<string, Instance>();
  for (const instance of slices.flatMap((slice) => slice.instances)) {
    const other = instances.get(instance.id);
    if (other === undefined || RANK[instance.status] > RANK[other.status]) instances.set(instance.id, instance);
  }
  return instances;
}
