export interface Arguments {
  readonly redis: boolean;
  readonly json: boolean;
}

export const USAGE = 'usage: npm run demo [-- [--redis] [--json]]';

/** The arguments of the command line; `undefined` when there is one that is not known. */
export function parseArguments(given: readonly string[]): Arguments | undefined {
  if (given.some((argument) => argument !== '--redis' && argument !== '--json')) return undefined;
  return { redis: given.includes('--redis'), json: given.includes('--json') };
}
