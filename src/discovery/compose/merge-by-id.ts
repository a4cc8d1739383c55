import type { Instance } from '../registry.ts';

type InOrder = readonly Instance[];

/** Two lists in the order of ids as one; `choose` says what stands for two of the same id. One walk: sets may hold 10,000. */
export function mergeById(a: InOrder, b: InOrder, choose: (a: Instance, b: Instance) => Instance): InOrder {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged: Instance[] = [];
  let next = 0;
  for (const one of a) {
    let other = b[next];
    for (; other !== undefined && other.id < one.id; other = b[++next]) merged.push(other);
    if (other?.id !== one.id) merged.push(one);
    else {
      merged.push(choose(one, other));
      next++;
    }
  }
  for (let other = b[next]; other !== undefined; other = b[++next]) merged.push(other);
  return merged;
}

/** The ids that both lists hold. */
export function idsInBoth(a: InOrder, b: InOrder): ReadonlySet<string> {
  const both = new Set<string>();
  let next = 0;
  for (const { id } of a) {
    while ((b[next]?.id ?? id) < id) next++;
    if (b[next]?.id === id) both.add(id);
  }
  return both;
}
