import type { Turns } from '../core/turns.ts';
import type { Instance } from './registry.ts';

/** Instances by their ids. What is in order already, as it mostly is, is given back itself. */
export function inOrder(instances: readonly Instance[]): readonly Instance[] {
  for (let i = 1; i < instances.length; i++) {
    if (idAt(instances, i - 1) > idAt(instances, i)) return instances.toSorted(byId);
  }
  return instances;
}

/** Instances that are put in order between two looks at the clock. */
const STEP = 512;

/** Puts runs, each of them in order, into one, a slice at a time: sorting 10,000 ids in one go would hold everybody up. */
export async function mergeRuns(runs: readonly (readonly Instance[])[], turns: Turns): Promise<readonly Instance[]> {
  let left = runs;
  while (left.length > 1) {
    const merged: (readonly Instance[])[] = [];
    for (let i = 0; i < left.length; i += 2) {
      merged.push(await merge(left[i] ?? [], left[i + 1] ?? [], turns));
    }
    left = merged;
  }
  return left[0] ?? [];
}

async function merge(a: readonly Instance[], b: readonly Instance[], turns: Turns): Promise<readonly Instance[]> {
  const merged: Instance[] = [];
  let next = 0;
  for (const [i, instance] of a.entries()) {
    if (i % STEP === 0 && turns.over) await turns.next();
    for (let other = b[next]; other !== undefined && other.id < instance.id; other = b[++next]) merged.push(other);
    merged.push(instance);
  }
  for (let other = b[next]; other !== undefined; other = b[++next]) merged.push(other);
  return merged;
}

function byId(a: Instance, b: Instance): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function idAt(instances: readonly Instance[], index: number): string {
  return instances[index]?.id ?? '';
}
