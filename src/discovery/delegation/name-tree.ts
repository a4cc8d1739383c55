import { isServiceName } from '../../core/check.ts';
import { ConfigError } from '../../core/errors.ts';
import type { NameOverride } from '../../core/name-override.ts';
import type { NameMatch, NameTable, Target } from './name-rules.ts';

/** What a name leads to when all rules have been applied. */
export type NameTree =
  /** A service that is looked up in the registry. */
  | { readonly kind: 'service'; readonly name: string }
  /** A way that ends nowhere. */
  | { readonly kind: 'nobody'; readonly name: string; readonly reason: string }
  /** The first of these that has instances, or a split of the calls between them. */
  | {
      readonly kind: 'alternatives' | 'union';
      readonly name: string;
      /** What made it of the name. */
      readonly rule: string;
      readonly of: readonly Branch[];
    };

export interface Branch {
  readonly tree: NameTree;
  /** Its part among the others of a split; 1 elsewhere. */
  readonly weight: number;
}

export interface Expansion {
  readonly tree: NameTree;
  /** The part of the override that the way led over. */
  readonly overridden: ReadonlyMap<string, string>;
}

/** Most rewritings one after the other, and most ways that one name takes, to services or nowhere: rules multiply. */
const MAX_DEPTH = 16;
const MAX_ENDS = 64;

/** What is common to all ways of one expansion. */
interface Scope {
  readonly table: NameTable;
  readonly override: NameOverride | undefined;
  readonly overridden: Map<string, string>;
  /** Ways that have ended. */
  ends: number;
}

/** The way from the name that is called to the one that is looked at. */
interface Way {
  readonly names: readonly string[];
  readonly rules: readonly string[];
}

/**
 * Applies rules to a name, and to what they make of it, until none applies. Always ends.
 *
 * A rule never applies to what it made itself: below it a name is looked up as if the rule were not there. So a rule can mean "the other, if
 * there is one, else this very name", and an override can stand before what the rules say. A way that comes back to a name after another is a
 * mistake, and leads to nobody.
 */
export function expandName(name: string, table: NameTable, override?: NameOverride): Expansion {
  const scope: Scope = { table, override, overridden: new Map(), ends: 0 };
  return { tree: expand(name, { names: [], rules: [] }, scope), overridden: scope.overridden };
}

/** Throws a `ConfigError` for rules whose mistakes can be seen without a call. */
export function checkRules(table: NameTable): void {
  for (const [label, example] of table.examples) {
    const dead = endsOf(expandName(example, table).tree).find((end) => end.kind === 'nobody');
    if (dead !== undefined) throw new ConfigError(`${label} must lead to services, not '${dead.name}': ${dead.reason}`);
  }
}

/** Where all ways of a tree end, in order. */
export function endsOf(tree: NameTree): readonly Exclude<NameTree, { kind: 'alternatives' | 'union' }>[] {
  if (tree.kind === 'service' || tree.kind === 'nobody') return [tree];
  return tree.of.flatMap((branch) => endsOf(branch.tree));
}

function expand(name: string, way: Way, scope: Scope): NameTree {
  const names = [...way.names, name];
  const nobody = (reason: string): NameTree => {
    scope.ends++;
    return { kind: 'nobody', name, reason };
  };
  // Looked at first, so that what is left of too many ways ends at once.
  if (scope.ends >= MAX_ENDS) return nobody(`'${names[0]}' leads to more than ${MAX_ENDS} services`);
  if (!isServiceName(name)) return nobody('it is no service name');
  if (way.names.at(-1) !== name && way.names.includes(name))
    return nobody(`the way to it is a circle (${names.join(' → ')})`);
  const match = overriding(name, way, scope) ?? scope.table.match(name, way.rules);
  if (match === undefined) {
    scope.ends++;
    return { kind: 'service', name };
  }
  if (way.rules.length === MAX_DEPTH) return nobody(`'${names[0]}' is rewritten more than ${MAX_DEPTH} times`);
  const { rule, rest } = match;
  return put(rule.target, rule.label, rest, { names, rules: [...way.rules, rule.label] }, scope);
}

/** The target of a rule in the place of the last name of the way. */
function put(target: Target, rule: string, rest: string, way: Way, scope: Scope): NameTree {
  const name = way.names.at(-1) ?? '';
  // What is left of a service name holds no `$`, which would have a meaning here.
  const filled = (pattern: string) => expand(pattern.replace('*', rest), way, scope);
  switch (target.kind) {
    case 'name':
      return { kind: 'alternatives', name, rule, of: [{ tree: filled(target.name), weight: 1 }] };
    case 'union':
      return {
        kind: 'union',
        name,
        rule,
        of: target.of.map((one) => ({ tree: filled(one.name), weight: one.weight })),
      };
    case 'alternatives':
      return {
        kind: 'alternatives',
        name,
        rule,
        of: target.of.map((one, i) => ({
          tree: one.kind === 'name' ? filled(one.name) : put(one, `${rule}[${i}]`, rest, way, scope),
          weight: 1,
        })),
      };
  }
}

/** An override stands before the rules: first its name, then whatever the rules say. */
function overriding(name: string, way: Way, { override, overridden }: Scope): NameMatch | undefined {
  const to = override?.names.get(name);
  const label = `mesh-names ${name}`;
  if (to === undefined || way.rules.includes(label)) return undefined;
  overridden.set(name, to);
  const of = [to, name].map((one) => ({ kind: 'name', name: one }) as const);
  return { rule: { label, target: { kind: 'alternatives', of } }, rest: '' };
}
