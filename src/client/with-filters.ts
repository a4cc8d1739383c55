import type { Filter } from '../core/filter.ts';
import { guarded } from '../core/guarded-filter.ts';
import type { Place } from '../core/roles.ts';
import type { PlacedFilter } from './filter-stack.ts';

type Layer<Req, Res> = readonly [role: string, filter: Filter<Req, Res>];

/** The layers of one of the two stacks with the filters of the application that were put beside one of its roles, be it one that is off. */
export function withFilters<Req, Res>(
  layers: readonly Layer<Req, Res>[],
  order: readonly Place[],
  filters: readonly PlacedFilter<Req, Res>[],
  discard: (res: Res) => void,
): readonly Layer<Req, Res>[] {
  if (filters.length === 0) return layers;
  const all = order.map(({ role }) => ({ role, filter: layers.find(([one]) => one === role)?.[1] }));
  for (const { name, side, role, filter } of filters) {
    const at = all.findIndex((one) => one.role === role);
    if (at < 0) continue; // it stands in the other stack
    all.splice(side === 'before' ? at : at + 1, 0, { role: name, filter: guarded(name, filter, discard) });
  }
  return all.flatMap(({ role, filter }) => (filter === undefined ? [] : [[role, filter] as const]));
}
