import { fail, options } from '../core/check.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { parseVersionRange } from './version-range.ts';

/**
 * Which instances are meant: every attribute named must have the value, or one of the values. `version` also takes a range such as
 * `^1.2` or `>=1 <3`. An attribute that is `undefined` here is not asked for; one that an instance lacks never matches.
 */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A query that was checked once and is asked often. */
export interface CompiledQuery {
  /** Whether it asks for nothing, so that everything matches. */
  readonly open: boolean;
  matches(endpoint: Pick<Endpoint, 'attributes'>): boolean;
  /** What an endpoint has for the attributes that are asked for, such as `environment=staging`. */
  describe(endpoint: Pick<Endpoint, 'attributes'>): string;
  /** Such as `environment=production, zone=a|b`; empty when everything matches. */
  toString(): string;
}

interface Condition {
  readonly attribute: string;
  readonly values: readonly string[];
  readonly accepts: (value: string) => boolean;
}

/** Checks a query; `name` is what the option is called in errors. */
export function compileQuery(name: string, query: Query = {}): CompiledQuery {
  options(name, query);
  const conditions: Condition[] = [];
  for (const [attribute, wanted] of Object.entries(query)) {
    if (wanted !== undefined) conditions.push(compileCondition(`${name}.${attribute}`, attribute, wanted));
  }
  const text = conditions.map(({ attribute, values }) => `${attribute}=${values.join('|')}`).join(', ');
  return {
    open: conditions.length === 0,
    matches: ({ attributes }) =>
      conditions.every(({ attribute, accepts }) => {
        const value = attributes[attribute]; // what an object inherits is no string, and so matches nothing
        return value !== undefined && accepts(value);
      }),
    describe: ({ attributes }) =>
      conditions.map(({ attribute }) => `${attribute}=${attributes[attribute] ?? ''}`).join(', '),
    toString: () => text,
  };
}

function compileCondition(name: string, attribute: string, wanted: unknown): Condition {
  const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  if (values.length === 0 || !values.every((value) => typeof value === 'string' && value !== ''))
    fail(name, 'a string that is not empty, or a list of at least one', wanted);
  const texts = values.map(String);
  const exact = new Set(texts);
  if (attribute !== 'version') return { attribute, values: texts, accepts: (value) => exact.has(value) };

  const ranges = texts.map((text) => parseVersionRange(text) ?? notARange(name, text));
  return {
    attribute,
    values: texts,
    accepts: (value) => exact.has(value) || ranges.some((inRange) => inRange(value)),
  };
}

/** A version may be named in any way, `build-77` say; but what looks like a range and is none is a mistake. */
function notARange(name: string, text: string): () => false {
  if (/[<>=^~|\s]/.test(text)) fail(name, 'a version, or a range such as ^1.2, ~1.2.3, >=1 <3 or 1.x || 2.x', text);
  return () => false;
}
