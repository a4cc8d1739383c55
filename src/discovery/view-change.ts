import type { Events } from '../core/events.ts';
import type { View } from './registry.ts';

/** Tells who joined and who left between two views of a service, if anybody did. */
export function tellChange(events: Events, service: string, before: View, after: View): void {
  if (before.instances === after.instances) return;
  const joined = idsNotIn(after, before);
  const left = idsNotIn(before, after);
  if (joined.length === 0 && left.length === 0) return;
  events.emit('view', { service, known: after.instances.length, joined, left });
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
