import { type Combination, type Combine, nobody, type Origin, oldest, standing } from '../compose/combination.ts';
import { mergeById } from '../compose/merge-by-id.ts';
import { inOrder } from '../in-order.ts';
import type { Instance, View } from '../registry.ts';
import { decide, type Pick } from './decide.ts';
import type { NameTree } from './name-tree.ts';
import { type Renamed, told, toldApart } from './told-apart.ts';

/** Makes the view of a name from those of the services that it leads to. */
export function combineNames(
  tree: NameTree,
  services: readonly string[],
  matches: (instance: Instance) => boolean,
): Combine {
  const renamed: Renamed = { by: new WeakMap(), any: false };
  return (views, patient) => {
    const { waiting, deciding, picks } = decide(tree, { services, views, patient, matches });
    const distinct = [...new Set(deciding)];
    const names = distinct.map((service) => services[service] ?? '');
    const deciders = present(distinct.map((service) => views[service]));
    if (waiting || picks.length === 0) return nobody(names, deciders);
    const chosen = joined(picks).map(({ service, share }) => ({ service, share, view: views[service] }));
    const asOf = oldest(present(chosen.map(({ view }) => view)));
    return { ...split(chosen, services, renamed), asOf, ...standing(names, deciders, true) };
  };
}

interface Chosen extends Pick {
  readonly view: View | undefined;
}

/** The instances of all that were chosen. An id that two services have counts for the first; in the other it is told apart by its service. */
function split(
  chosen: readonly Chosen[],
  services: readonly string[],
  renamed: Renamed,
): Omit<Combination, 'state' | 'reason' | 'asOf'> {
  const [only] = chosen;
  if (only?.view !== undefined && chosen.length === 1) {
    const { instances, suspects } = only.view;
    const part = only.service;
    return { instances, suspects, origin: (id) => ({ part, id }) };
  }
  const apart = new Map<string, Origin>();
  const suspects = new Set<string>();
  let instances: readonly Instance[] = [];
  const groups = chosen.map(({ service, share, view }) => {
    const own = toldApart(inOrder(view?.instances ?? []), instances, services[service] ?? '', renamed);
    for (const [shown, id] of own.ids) apart.set(shown, { part: service, id });
    const shown = new Map([...own.ids].map(([name, id]) => [id, name]));
    for (const id of view?.suspects ?? []) suspects.add(shown.get(id) ?? id);
    instances = mergeById(instances, own.instances, (first) => first);
    return { share, instances: own.instances };
  });
  return {
    instances,
    suspects,
    groups,
    origin: (id) => {
      const part = groups.findIndex((group) => group.instances.some((instance) => instance.id === id));
      return apart.get(id) ?? (part < 0 ? undefined : { part: chosen[part]?.service ?? part, id });
    },
    shown: ({ part, id }) => {
      const name = told(services[part] ?? '', id);
      return apart.get(name)?.part === part ? name : id;
    },
  };
}

/** Each service once: two ways may lead to the same. */
function joined(picks: readonly Pick[]): readonly Pick[] {
  const shares = new Map<number, number>();
  for (const { service, share } of picks) shares.set(service, (shares.get(service) ?? 0) + share);
  return [...shares].map(([service, share]) => ({ service, share }));
}

function present(views: readonly (View | undefined)[]): readonly View[] {
  return views.filter((view) => view !== undefined);
}
