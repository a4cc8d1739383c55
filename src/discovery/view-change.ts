import type { Events } from '../core/events.ts';
import { sameEnds } from '../core/same-ends.ts';
import { inDoubt } from './membership.ts';
import type { Instance, View } from './registry.ts';

/** Tells what happened between two views of a service: who joined and who left, and whether many are in doubt now. */
export function tellChange(events: Events, service: string, before: View, after: View): void {
  if (manyDoubted(after) && !manyDoubted(before))
    events.emit('doubt', { service, known: after.instances.length, suspects: after.suspects.size });
  if (before.instances === after.instances) return;
  const { first, last } = sameEnds(before.instances, after.instances, (was, is) => was === is);
  const was = before.instances.slice(first, before.instances.length - last);
  const is = after.instances.slice(first, after.instances.length - last);
  const joined = idsNotIn(is, was);
  const left = idsNotIn(was, is);
  if (joined.length === 0 && left.length === 0) return;
  events.emit('view', { service, known: after.instances.length, joined, left });
}

function manyDoubted({ suspects, instances }: View): boolean {
  return inDoubt(suspects.size, instances.length);
}

/** The ids of `instances` that `others` lack. */
function idsNotIn(instances: readonly Instance[], others: readonly Instance[]): readonly string[] {
  if (instances.length === 0 || others.length === 0) return instances.map(({ id }) => id);
  const known = new Set(others.map(({ id }) => id));
  return instances.map(({ id }) => id).filter((id) => !known.has(id));
}
