import { awaited, knows } from '../compose/combination.ts';
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

/** A service and the share of the calls that it gets. */
export interface Pick {
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
