import { fail, string } from '../core/check.ts';

/** Names of headers, in lower case. */
export function resolveHeaderNames(name: string, given: readonly string[] | undefined): readonly string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) fail(name, 'an array of names of headers', given);
  return given.map((one: unknown, i) => string(`${name}[${i}]`, one).toLowerCase());
}
