import { ConfigError } from './errors.ts';

/** Checks of options. Each returns the value, or throws a `ConfigError` that names option, bound and value. */

interface Range {
  readonly min?: number;
  readonly max?: number;
}

export function fail(name: string, bound: string, value: unknown): never {
  throw new ConfigError(`${name} must be ${bound}, not ${show(value)}`);
}

export function integer(name: string, value: unknown, range: Range = {}): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || outside(value, range))
    fail(name, `an integer${describe(range)}`, value);
  return value;
}

/** A finite number of milliseconds; above 0 unless the range says otherwise. */
export function durationMs(name: string, value: unknown, range: Range = { min: 1 }): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || outside(value, range))
    fail(name, `a number of milliseconds${describe(range)}`, value);
  return value;
}

export function finite(name: string, value: unknown, range: Range = {}): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || outside(value, range))
    fail(name, `a number${describe(range)}`, value);
  return value;
}

export function string(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') fail(name, 'a string that is not empty', value);
  return value;
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') fail(name, 'true or false', value);
  return value;
}

export function oneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) fail(name, `one of ${allowed.join(', ')}`, value);
  return found;
}

/** Something callable. The type is the caller's promise: a function's parameters cannot be seen at run time. */
export function callable<F extends (...args: never[]) => unknown>(name: string, value: F | undefined): F {
  if (typeof value !== 'function') fail(name, 'a function', value);
  return value;
}

/** Whether it is an object with all of these methods. What they take and give cannot be seen at run time. */
export function hasMethods(value: unknown, names: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof Reflect.get(value, name) === 'function');
}

const SERVICE_NAME = /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/;

/** A name that is safe in a URL's host, a Redis key, a file name and a metric. */
export function isServiceName(value: unknown): value is string {
  return typeof value === 'string' && SERVICE_NAME.test(value) && !value.includes('..');
}

export function serviceName(name: string, value: unknown): string {
  if (!isServiceName(value))
    fail(name, 'a service name (1 to 63 of a-z, 0-9, ".", "_", "-"; a letter or digit at both ends)', value);
  return value;
}

/** An object, with any keys when nothing is said of `known`, else with none but these. */
export function options(name: string, value: unknown, known?: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(name, 'an object', value);
  const unknown = known && Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new ConfigError(`${name} has no option '${unknown}'; it knows ${known?.join(', ')}`);
}

function outside(value: number, { min, max }: Range): boolean {
  return (min !== undefined && value < min) || (max !== undefined && value > max);
}

function describe({ min, max }: Range): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 80 ? `${value.slice(0, 80)}…` : value}'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
