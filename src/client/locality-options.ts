import { nearest, type Preference } from '../balancer/preference.ts';
import { fail, integer, options as known } from '../core/check.ts';
import { type CompiledQuery, compileQuery, type Query } from '../discovery/query.ts';

/** Which instances are preferred to others as long as they can take the calls. Each field is checked when the mesh is made. */
export interface LocalityOptions {
  /**
   * `nearest`: those of this process's own zone, then those of its region, then all others, as far as `self` says where it is. Or queries, the most
   * preferred first: those that match the first, then those that match the second, and at last those that match none.
   * @default 'nearest'
   */
  readonly prefer?: 'nearest' | readonly Query[] | undefined;
  /** Fewer instances that are up are not preferred alone, but together with those that come next. 1 to 1,000. @default 2 */
  readonly minimum?: number | undefined;
}

export interface ResolvedLocality {
  readonly prefer: 'nearest' | readonly CompiledQuery[];
  readonly minimum: number;
}

const MOST_QUERIES = 16;

export function resolveLocality(name: string, options: LocalityOptions = {}): ResolvedLocality {
  known(name, options, ['prefer', 'minimum']);
  const { prefer = 'nearest', minimum = 2 } = options;
  if (prefer !== 'nearest' && (!Array.isArray(prefer) || prefer.length === 0 || prefer.length > MOST_QUERIES))
    fail(`${name}.prefer`, `'nearest' or a list of 1 to ${MOST_QUERIES} queries`, prefer);
  return {
    prefer: prefer === 'nearest' ? prefer : prefer.map((query, i) => preferred(`${name}.prefer[${i}]`, query)),
    minimum: integer(`${name}.minimum`, minimum, { min: 1, max: 1_000 }),
  };
}

function preferred(name: string, query: Query): CompiledQuery {
  const compiled = compileQuery(name, query);
  if (compiled.open) fail(name, 'a query that asks for something', query);
  return compiled;
}

/** Whom a process with these attributes prefers. */
export function preferencesOf(
  { prefer }: ResolvedLocality,
  attributes: Readonly<Record<string, string>>,
): readonly Preference[] {
  if (prefer === 'nearest') return nearest(attributes);
  return prefer.map((query) => {
    const name = String(query);
    return { name, place: name, matches: (endpoint) => query.matches(endpoint) };
  });
}

/** How many instances of a large service this process calls. */
export interface SubsetOptions {
  /**
   * Of more instances than this in one place and priority, it calls so many of its own, and up to twice as many while some of these are down.
   * 12 to 10,000. No process knows how many others there are, and together they have to reach every instance: (processes × size) ÷ instances
   * should be 10 or more. Refused with `ring-hash` and `maglev`: each process would send a key to another instance.
   */
  readonly size: number;
}

export interface ResolvedSubset {
  readonly size: number;
}

export function resolveSubset(name: string, options: SubsetOptions | false = false): ResolvedSubset | false {
  if (options === false) return false;
  known(name, options, ['size']);
  return { size: integer(`${name}.size`, options.size, { min: 12, max: 10_000 }) };
}
