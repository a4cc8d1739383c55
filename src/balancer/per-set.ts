import type { Node } from './node.ts';

/** What is made of an array of nodes: made once, and kept for as long as the array is. Most picks are from the same one as the pick before. */
export function perSet<T extends object>(make: (nodes: readonly Node[]) => T): (nodes: readonly Node[]) => T {
  const all = new WeakMap<readonly Node[], T>();
  let last: readonly Node[] | undefined;
  let made: T | undefined;
  return (nodes) => {
    if (nodes === last && made !== undefined) return made;
    made = all.get(nodes);
    if (made === undefined) {
      made = make(nodes);
      all.set(nodes, made);
    }
    last = nodes;
    return made;
  };
}
