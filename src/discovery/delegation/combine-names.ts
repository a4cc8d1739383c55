import { awaited, type Combination, type Combine, knows, nobody, oldest, standing } from '../compose/combination.ts';
import { inOrder } from '../in-order.ts';
import type { Instance, View } from '../registry.ts';
import type { NameTree } from './name-tree.ts';

/** The services that a tree leads to, each once, and how they are looked at. */
export interface Outlook {
  readonly services: readonly string[];
  /** Their views, in the same order. */
  readonly views: readonly View[];
  /** Whether one that was not heard of yet is still waited for. */
  readonly patient: boolean;
  /** Which instances are meant: an alternative that has none of these is passed over. */
  readonly matches: (instance: Instance) => boolean;
}

/** What a tree comes to as things stand. */
export interface Outcome {
  /** Whether somebody is there who is meant, somebody else, or nobody. */
  readonly found: 'meant' | 'others' | 'nobody';
  readonly waiting: boolean;
  /** The services whose views decide it, by index. */
  readonly deciding: readonly number[];
  /** Who gets which share of the calls; together 1, or empty. */
  readonly picks: readonly Pick[];
}

interface Pick {
  readonly service: number;
  readonly share: number;
}

const NONE: Pick[] = [];

/** Which services a tree comes to: the first alternative that has somebody; of a split all that have, in proportion to their weights. Pure. */
export function decide(tree: NameTree, outlook: Outlook): Outcome {
  switch (tree.kind) {
    case 'nobody':
      return { found: 'nobody', waiting: false, deciding: [], picks: NONE };
    case 'service': {
      const service = outlook.services.indexOf(tree.name);
      const view = outlook.views[service];
      const found =
        view === undefined || !knows(view) ? 'nobody' : view.instances.some(outlook.matches) ? 'meant' : 'others';
      const waiting = view !== undefined && awaited(view, outlook.patient);
      return { found, waiting, deciding: [service], picks: found === 'nobody' ? NONE : [{ service, share: 1 }] };
    }
    case 'alternatives': {
      const deciding: number[] = [];
      let others: Outcome | undefined;
      for (const branch of tree.of) {
        const outcome = decide(branch.tree, outlook);
        deciding.push(...outcome.deciding);
        if (outcome.waiting || outcome.found === 'meant') return { ...outcome, deciding };
        if (outcome.found === 'others') others ??= outcome;
      }
      return { found: others?.found ?? 'nobody', waiting: false, deciding, picks: others?.picks ?? NONE };
    }
    case 'union': {
      const outcomes = tree.of
        .filter(({ weight }) => weight > 0)
        .map((branch) => ({ weight: branch.weight, outcome: decide(branch.tree, outlook) }));
      const has = (wanted: Outcome['found']) => outcomes.some(({ outcome }) => outcome.found === wanted);
      const found = has('meant') ? 'meant' : has('others') ? 'others' : 'nobody';
      const used = found === 'nobody' ? [] : outcomes.filter(({ outcome }) => outcome.found === found);
      const total = used.reduce((sum, { weight }) => sum + weight, 0);
      return {
        found,
        waiting: outcomes.some(({ outcome }) => outcome.waiting),
        deciding: outcomes.flatMap(({ outcome }) => outcome.deciding),
        picks: used.flatMap(({ weight, outcome }) =>
          outcome.picks.map(({ service, share }) => ({ service, share: (share * weight) / total })),
        ),
      };
    }
  }
}

/** Makes the view of a name from those of the services that it leads to. */
export function combineNames(
  tree: NameTree,
  services: readonly string[],
  matches: (instance: Instance) => boolean,
): Combine {
  const renamed = new WeakMap<Instance, Instance>();
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
  renamed: WeakMap<Instance, Instance>,
): Omit<Combination, 'state' | 'reason' | 'asOf'> {
  const [only] = chosen;
  if (only?.view !== undefined && chosen.length === 1) {
    const { instances, suspects } = only.view;
    const part = only.service;
    return { instances, suspects, origin: (id) => ({ part, id }) };
  }
  const own = new Map<string, { readonly part: number; readonly id: string }>();
  const suspects = new Set<string>();
  const groups = chosen.map(({ service, share, view }) => {
    const instances = (view?.instances ?? []).map((instance) => {
      const { id } = instance;
      // Once told apart it stays so: a balancer knows an endpoint by its id.
      const clashes = own.has(id) || renamed.has(instance);
      const shown = clashes ? apart(instance, services[service] ?? '', renamed) : instance;
      own.set(shown.id, { part: service, id });
      if (view?.suspects.has(id)) suspects.add(shown.id);
      return shown;
    });
    return { share, instances };
  });
  const instances = inOrder(groups.flatMap((group) => group.instances));
  return {
    instances,
    suspects,
    groups,
    origin: (id) => own.get(id),
    shown: ({ part, id }) => {
      const apart = told(services[part] ?? '', id);
      return own.get(apart)?.part === part ? apart : id;
    },
  };
}

/** An id that another service has too. */
function told(service: string, id: string): string {
  return `${service}/${id}`;
}

function apart(instance: Instance, service: string, renamed: WeakMap<Instance, Instance>): Instance {
  // The same object each time: a view that did not change must not look as if it had.
  const known = renamed.get(instance) ?? { ...instance, id: told(service, instance.id) };
  renamed.set(instance, known);
  return known;
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
