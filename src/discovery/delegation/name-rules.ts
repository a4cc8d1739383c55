import { fail, finite, isServiceName, options } from '../../core/check.ts';

/** Names by the weight that each has among the others: 0 to 1,000, at least one of them above 0. One of weight 0 gets no call. */
export type WeightedNames = Readonly<Record<string, number>>;

/** What a name stands for: another name, several of which the first that has instances is meant, or a split by weight. */
export type NameTarget = string | WeightedNames | readonly (string | WeightedNames)[];

/**
 * What names stand for, by name, or by `prefix-*` for all names that begin so; in what these stand for, `*` is the rest of the name. An exact
 * name counts before a prefix, and a longer prefix before a shorter one, wherever they stand.
 */
export type NameRules = Readonly<Record<string, NameTarget>>;

/** One rule, checked. */
export interface NameRule {
  /** What it is called in errors and by `explain`, such as `names.players`. Two rules never share it. */
  readonly label: string;
  readonly target: Target;
}

/** What a rule puts in the place of a name; `*` in a name is the rest. */
export type Target =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'alternatives'; readonly of: readonly Target[] }
  | { readonly kind: 'union'; readonly of: readonly { readonly name: string; readonly weight: number }[] };

/** A rule with the rest that its prefix left of a name; empty when it is of the whole name. */
export interface NameMatch {
  readonly rule: NameRule;
  readonly rest: string;
}

/** The rules of a mesh. */
export interface NameTable {
  /** For each rule a name that it applies to, by its label. */
  readonly examples: ReadonlyMap<string, string>;
  /** The most special rule for a name, of those that are not `used` yet. */
  match(name: string, used: readonly string[]): NameMatch | undefined;
}

const MAX_RULES = 1_000;
/** Most alternatives of a rule, and most names of a split. */
const MAX_NAMES = 16;
const MAX_WEIGHT = 1_000;
/** Stands for the rest of a name where a rule is checked. */
const ANY_REST = 'x';

/** Checks rules one by one; `name` is what the option is called in errors. Whether they lead in a circle is seen when names are expanded. */
export function compileRules(name: string, rules: NameRules = {}): NameTable {
  options(name, rules);
  const entries = Object.entries(rules);
  const examples = new Map<string, string>();
  if (entries.length > MAX_RULES) fail(name, `at most ${MAX_RULES} rules`, entries.length);
  const exact = new Map<string, NameRule>();
  const prefixes: { readonly prefix: string; readonly rule: NameRule }[] = [];
  for (const [key, value] of entries) {
    const label = `${name}.${key}`;
    const prefix = key.endsWith('*') ? key.slice(0, -1) : undefined;
    if (!isServiceName(prefix === undefined ? key : prefix + ANY_REST))
      fail(`a key of ${name}`, "a service name, or the beginning of one and '*'", key);
    examples.set(label, prefix === undefined ? key : prefix + ANY_REST);
    const rule = { label, target: resolveTarget(label, value, prefix !== undefined) };
    if (prefix === undefined) exact.set(key, rule);
    else prefixes.push({ prefix, rule });
  }
  prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  return {
    examples,
    match(wanted, used) {
      const whole = exact.get(wanted);
      if (whole !== undefined && !used.includes(whole.label)) return { rule: whole, rest: '' };
      for (const { prefix, rule } of prefixes) {
        if (wanted.length > prefix.length && wanted.startsWith(prefix) && !used.includes(rule.label))
          return { rule, rest: wanted.slice(prefix.length) };
      }
      return undefined;
    },
  };
}

function resolveTarget(label: string, value: unknown, rest: boolean): Target {
  if (!Array.isArray(value)) return resolveOne(label, value, rest);
  if (value.length === 0 || value.length > MAX_NAMES) fail(label, `a list of 1 to ${MAX_NAMES} names`, value);
  return { kind: 'alternatives', of: value.map((one, i) => resolveOne(`${label}[${i}]`, one, rest)) };
}

function resolveOne(label: string, value: unknown, rest: boolean): Target {
  if (typeof value === 'string') return { kind: 'name', name: resolveName(label, value, rest) };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail(label, 'a service name, a list of them, or weights by name', value);
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length === 0 || entries.length > MAX_NAMES) fail(label, `weights of 1 to ${MAX_NAMES} names`, value);
  const of = entries.map(([name, weight]) => ({
    name: resolveName(`a name of ${label}`, name, rest),
    weight: finite(`${label}.${name}`, weight, { min: 0, max: MAX_WEIGHT }),
  }));
  if (of.every(({ weight }) => weight === 0)) fail(label, 'weights of which one at least is above 0', 0);
  return { kind: 'union', of };
}

function resolveName(label: string, value: string, rest: boolean): string {
  if (rest && isServiceName(value.replace('*', ANY_REST))) return value;
  if (!isServiceName(value))
    fail(label, `a service name${rest ? ", in which '*' may stand once for the rest" : ''}`, value);
  return value;
}
