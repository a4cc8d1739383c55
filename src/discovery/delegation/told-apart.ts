import { idsInBoth } from '../compose/merge-by-id.ts';
import { inOrder } from '../in-order.ts';
import type { Instance } from '../registry.ts';

/** Instances that had to be told apart from others of their id, each with what it became. */
export interface Renamed {
  readonly by: WeakMap<Instance, Instance>;
  any: boolean;
}

interface ToldApart {
  readonly instances: readonly Instance[];
  /** The ids of those that had to be told apart, by what they are called now. */
  readonly ids: ReadonlyMap<string, string>;
}

/** The instances of a service without the ids of `others`. Once told apart they stay so: a balancer knows an endpoint by its id. */
export function toldApart(
  instances: readonly Instance[],
  others: readonly Instance[],
  service: string,
  renamed: Renamed,
): ToldApart {
  const ids = new Map<string, string>();
  const both = idsInBoth(others, instances);
  if (both.size === 0 && !renamed.any) return { instances, ids };
  const shown = instances.map((instance) => {
    if (!both.has(instance.id) && !renamed.by.has(instance)) return instance;
    // The same object each time: a view that did not change must not look as if it had.
    const known = renamed.by.get(instance) ?? { ...instance, id: told(service, instance.id) };
    renamed.by.set(instance, known);
    renamed.any = true;
    ids.set(known.id, instance.id);
    return known;
  });
  return { instances: inOrder(shown), ids };
}

/** An id that another service has too. */
export function told(service: string, id: string): string {
  return `${service}/${id}`;
}
