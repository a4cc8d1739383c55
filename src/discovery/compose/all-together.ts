import { inOrder } from '../in-order.ts';
import type { Instance, View } from '../registry.ts';
import { awaited, type Combine, knows, nobody, oldest, standing } from './combination.ts';
import { mergeById } from './merge-by-id.ts';

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
  let instances: readonly Instance[] = [];
  const suspects = new Set<string>();
  for (const view of views) {
    /** Those that this view doubts and an earlier one lists too. */
    const judged = new Set<string>();
    instances = mergeById(instances, inOrder(view.instances), (known, other) => {
      const { id } = known;
      const doubted = view.suspects.has(id);
      if (doubted) judged.add(id);
      if (known.generation > other.generation) return known;
      const newer = other.generation > known.generation;
      if (newer && doubted) suspects.add(id);
      else if (!doubted) suspects.delete(id);
      return newer ? other : known;
    });
    for (const id of view.suspects) if (!judged.has(id)) suspects.add(id);
  }
  return { instances, suspects };
}
