import { INTEGERS } from '../core/random.ts';
import type { Node } from './node.ts';

/** How nodes are drawn by their weights: node `i` as it is with a chance of `own[i]` in `INTEGERS`, else the node `other[i]` in its place. */
export interface Alias {
  readonly own: Uint32Array;
  readonly other: Int32Array;
}

/** The weights of an array of nodes. */
export interface Weights {
  readonly largest: number;
  /** `undefined` when all weigh the same. */
  readonly alias: Alias | undefined;
}

export function weightsOf(nodes: readonly Node[]): Weights {
  let largest = 0;
  let smallest = Number.POSITIVE_INFINITY;
  let total = 0;
  for (const { endpoint } of nodes) {
    const { weight } = endpoint;
    largest = Math.max(largest, weight);
    smallest = Math.min(smallest, weight);
    total += weight;
  }
  return { largest, alias: smallest === largest ? undefined : aliasOf(nodes, total) };
}

/** So that a draw costs the same for any number of nodes (Walker, 1977; in linear time as by Vose, 1991). */
function aliasOf(nodes: readonly Node[], total: number): Alias {
  const count = nodes.length;
  const own = Float64Array.from(nodes, ({ endpoint }) => (endpoint.weight * count) / total);
  const other = Int32Array.from(own.keys());
  const light: number[] = [];
  const heavy: number[] = [];
  const sort = (i: number) => ((own[i] ?? 1) < 1 ? light : heavy).push(i);
  for (let i = 0; i < count; i++) sort(i);
  for (;;) {
    const less = light.pop();
    const more = heavy.pop();
    if (less === undefined || more === undefined) {
      // What rounding left over.
      for (const rest of [less, more, ...light, ...heavy]) if (rest !== undefined) own[rest] = 1;
      return { own: Uint32Array.from(own, (chance) => Math.round(chance * INTEGERS)), other };
    }
    other[less] = more;
    own[more] = (own[more] ?? 1) + (own[less] ?? 1) - 1;
    sort(more);
  }
}
