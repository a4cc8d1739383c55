import { decide, type Outlook } from './decide.ts';
import type { NameTree } from './name-tree.ts';

/** One step of the way that a name took, for `explain`. */
export interface NameStep {
  readonly name: string;
  /** The rule that rewrote it, such as `names.players`; `undefined` where the way ends. */
  readonly rule: string | undefined;
  /** `first`: of what comes next the first that has instances is meant. `split`: calls are split. `service`: it is looked up as it is. */
  readonly how: 'first' | 'split' | 'service' | 'nobody';
  /** The share of the calls that goes this way now, 0 to 1. */
  readonly share: number;
  /** Instances that are known of it, where the way ends. */
  readonly known: number;
  /** Which of several registries that are asked in order knows them; empty elsewhere. */
  readonly from: string;
  /** How the registry stands to it, where the way ends: `pending`, `current`, `stale`; empty elsewhere. */
  readonly state: string;
  /** Why it is not current, or why nobody is there; else empty. */
  readonly reason: string;
  readonly next: readonly NameStep[];
}

const NOTHING = { rule: undefined, known: 0, from: '', state: '', reason: '', next: [] };

/** The way that a name takes as things stand. */
export function stepsOf(tree: NameTree, outlook: Outlook, share = 1): NameStep {
  const { name } = tree;
  if (tree.kind === 'nobody') return { ...NOTHING, name, how: 'nobody', share: 0, reason: tree.reason };
  if (tree.kind === 'service') {
    const view = outlook.views[outlook.services.indexOf(name)];
    const { state = '', reason = '', from = '', instances = [] } = view ?? {};
    return { ...NOTHING, name, how: 'service', share, known: instances.length, from, state, reason };
  }
  const next = tree.of.map((branch, i) => stepsOf(branch.tree, outlook, share * shareOf(tree, i, outlook)));
  const how = tree.kind === 'union' ? 'split' : 'first';
  return { ...NOTHING, name, rule: tree.rule, how, share, next };
}

/** The part of what reaches a step that goes on over one of its branches. */
function shareOf(tree: Extract<NameTree, { kind: 'alternatives' | 'union' }>, index: number, outlook: Outlook): number {
  const { found, waiting } = decide(tree, outlook);
  if (waiting || found === 'nobody') return 0;
  const leads = tree.of.map((branch) => decide(branch.tree, outlook).found === found);
  if (tree.kind === 'alternatives') return leads.indexOf(true) === index ? 1 : 0;
  const weights = tree.of.map(({ weight }, i) => (leads[i] ? weight : 0));
  return (weights[index] ?? 0) / weights.reduce((sum, weight) => sum + weight, 0);
}

/** The way in words, one step a line. */
export function stepsInWords(step: NameStep, depth = 0): readonly string[] {
  const { name, rule, how, share, known, from, state, reason, next } = step;
  const why = reason === '' ? '' : ` (${reason})`;
  const percent = `${Math.round(share * 1_000) / 10} %`;
  const what =
    rule !== undefined
      ? `${rule}${next.length === 1 ? '' : how === 'split' ? ', split' : ', the first of'}`
      : how === 'nobody'
        ? `nobody${why}`
        : `${known} known${from === '' ? '' : ` by ${from}`}, ${state}${why}`;
  return [`${'  '.repeat(depth)}${name}: ${what}, ${percent}`, ...next.flatMap((one) => stepsInWords(one, depth + 1))];
}
