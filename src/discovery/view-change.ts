import type { Events } from '../core/events.ts';
import { inDoubt } from './membership.ts';
import type { View } from './registry.ts';

/** Tells what happened between two views of a service: who joined and who left, and whether many are in doubt now. */
export function tellChange(events: Events, service: string, before: View, after: View): void {
  if (manyDoubted(after) && !manyDoubted(before))
    events.emit('doubt', { service, known: after.instances.length, suspects: after.suspects.size });
  if (before.instances === after.instances) return;
  const joined = idsNotIn(after, before);
  const left = idsNotIn(before, after);
  if (joined.length === 0 && left.length === 0) return;
  events.emit('view', { service, known: after.instances.length, joined, left });
}

function manyDoubted({ suspects, instances }: View): boolean {
  return inDoubt(suspects.size, instances.length);
}

/** The ids of `view` that `other` lacks. Both are in order. */
function idsNotIn(view: View, { instances: others }: View): readonly string[] {
  const ids: string[] = [];
  let next = 0;
  for (const { id } of view.instances) {
    let other = others[next];
    while (other !== undefined && other.id < id) other = others[++next];
    if (other?.id === id) next++;
    else ids.push(id);
  }
  return ids;
}
