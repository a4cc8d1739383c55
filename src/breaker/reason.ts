import type { ResolvedBreaker } from './options.ts';

/** What a breaker decides by is this old at most. */
export const WINDOW_MS = 10_000;

/** The calls of a window. */
interface Counts {
  readonly fires: number;
  readonly failures: number;
  /** Of the failures, those that only took too long. */
  readonly slow: number;
  /** How long nothing has succeeded, if that is long. */
  readonly noneForMs: number;
}

/** Why a breaker opened, in words. */
export function reasonOf({ fires, failures, slow, noneForMs }: Counts, { slowMs, minimum }: ResolvedBreaker): string {
  const what =
    slow === 0
      ? 'failed'
      : slow === failures
        ? `took longer than ${slowMs} ms`
        : `failed, or took longer than ${slowMs} ms (${slow} of them),`;
  const none = noneForMs > 0 ? `, and none was well for ${(noneForMs / 1000).toFixed(1)} s` : '';
  return `${failures} of ${fires} calls ${what} in ${WINDOW_MS / 1000} s (at least ${minimum} count)${none}`;
}
