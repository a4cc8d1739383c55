import { inOrder } from '../in-order.ts';
import type { Instance, View } from '../registry.ts';
import { awaited, type Combine, knows, nobody, oldest, standing } from './combination.ts';

/**
 * All that any of them knows, by id: of two with the same id the newer generation counts, of the same generation what the earlier says. One
 * is a suspect only when everybody who lists that generation of it doubts it. `names` are those of the parts, for reasons.
 */
export function allTogether(names: readonly string[]): Combine {
  return (views, patient) => {
    const known = views.filter(knows);
    if (known.length === 0 || views.some((view) => awaited(view, patient))) return nobody(names, views);
    return { ...union(known), ...standing(names, views, true), asOf: oldest(known) };
  };
}

function union(views: readonly View[]): Pick<View, 'instances' | 'suspects'> {
  const [first] = views;
  if (first !== undefined && views.length === 1) return { instances: first.instances, suspects: first.suspects };
  const byId = new Map<string, Instance>();
  const suspects = new Set<string>();
  for (const view of views) {
    for (const instance of view.instances) {
      const { id, generation } = instance;
      const other = byId.get(id);
      const doubted = view.suspects.has(id);
      if (other === undefined || generation > other.generation) {
        byId.set(id, instance);
        if (doubted) suspects.add(id);
        else suspects.delete(id);
      } else if (generation === other.generation && !doubted) suspects.delete(id);
    }
  }
  return { instances: inOrder([...byId.values()]), suspects };
}
