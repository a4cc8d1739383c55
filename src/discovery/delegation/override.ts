import { fail, isServiceName, options, serviceName } from '../../core/check.ts';
import { ConfigError } from '../../core/errors.ts';
import type { NameOverride } from '../../core/name-override.ts';

/**
 * Which names an inbound request may put in the place of others: any (`true`), those of a list (`players-*` for all that begin so), or those
 * that a function lets pass.
 */
export type AllowedNames = boolean | readonly string[] | ((from: string, to: string) => boolean);

/** Most names that one request may override. */
const MAX_NAMES = 10;
const MAX_CHARS = 2_048;

/** An override of these names. */
export function overrideOf(names: ReadonlyMap<string, string>): NameOverride {
  const sorted = [...names].sort(([a], [b]) => (a < b ? -1 : 1));
  return { names, header: sorted.map(([from, to]) => `${from}=${to}`).join(', ') };
}

/** Checks what an application's own code says; `name` is what it is called in errors. */
export function resolveOverride(name: string, value: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  options(name, value);
  const names = new Map<string, string>();
  for (const [from, to] of Object.entries(value))
    names.set(serviceName(`a key of ${name}`, from), serviceName(`${name}.${from}`, to));
  if (names.size > MAX_NAMES) throw new ConfigError(`${name} must be at most ${MAX_NAMES} names, not ${names.size}`);
  return names;
}

/** Names of an override on top of another; past the bound those of the other are left out, the latest first. */
export function withOverride(under: NameOverride | undefined, names: ReadonlyMap<string, string>): NameOverride {
  const all = new Map(names);
  for (const [from, to] of under?.names ?? []) if (all.size < MAX_NAMES && !all.has(from)) all.set(from, to);
  return overrideOf(all);
}

/** Reads `mesh-names`: at most ten `name=name`, separated by commas. `undefined` when any of it cannot be read. Never throws. */
export function parseOverride(header: string): ReadonlyMap<string, string> | undefined {
  if (header.length > MAX_CHARS) return undefined;
  const pairs = header.split(',');
  if (pairs.length > MAX_NAMES) return undefined;
  const names = new Map<string, string>();
  for (const pair of pairs) {
    const [from, to, more] = pair.split('=').map((one) => one.trim());
    if (!isServiceName(from) || !isServiceName(to) || more !== undefined || names.has(from)) return undefined;
    names.set(from, to);
  }
  return names;
}

/** Checks an option; `undefined` when nothing is allowed. */
export function resolveAllowed(
  name: string,
  value: AllowedNames | undefined,
): ((from: string, to: string) => boolean) | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return () => true;
  if (typeof value === 'function') return value;
  if (!Array.isArray(value)) fail(name, 'true, false, a list of names, or a function', value);
  const exact = new Set<string>();
  const prefixes: string[] = [];
  value.forEach((one: unknown, i) => {
    const prefix = typeof one === 'string' && one.endsWith('*') ? one.slice(0, -1) : undefined;
    if (prefix !== undefined && isServiceName(`${prefix}x`)) prefixes.push(prefix);
    else if (isServiceName(one)) exact.add(one);
    else fail(`${name}[${i}]`, "a service name, or the beginning of one and '*'", one);
  });
  return (_from, to) => exact.has(to) || prefixes.some((prefix) => to.startsWith(prefix));
}
