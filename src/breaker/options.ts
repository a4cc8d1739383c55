import { durationMs, finite, integer, options as known } from '../core/check.ts';

/** When calls to a whole service fail fast. Each is checked when the mesh is made. */
export interface BreakerOptions {
  /** Share of failed calls in 10 s above which it opens. 0 to 1. @default 0.5 */
  readonly failureRatio?: number | undefined;
  /** Calls in 10 s below which the share says nothing. At least 1. @default 20 */
  readonly minimum?: number | undefined;
  /** A call that succeeds and took longer than this counts as a failed one: until its response began, all attempts together. Milliseconds, at least 1. @default false */
  readonly slowMs?: number | false | undefined;
  /** Time until the first probe; after one that fails a quarter of the time that the outage has lasted, if that is more. Up to two fifths less by chance. Milliseconds, 1 to 86,400,000. @default 1_000 */
  readonly restMs?: number | undefined;
  /** Longest time between probes in milliseconds: from `restMs` to 86,400,000. @default 60_000 */
  readonly maxRestMs?: number | undefined;
}

export interface ResolvedBreaker {
  readonly failureRatio: number;
  readonly minimum: number;
  readonly slowMs: number | false;
  readonly restMs: number;
  readonly maxRestMs: number;
}

/** A day. opossum's timer is the platform's, which fires at once beyond 24 days. */
const LONGEST_REST_MS = 86_400_000;

export function resolveBreaker(name: string, options: BreakerOptions = {}): ResolvedBreaker {
  known(name, options, ['failureRatio', 'minimum', 'slowMs', 'restMs', 'maxRestMs']);
  const { failureRatio = 0.5, minimum = 20, slowMs = false, restMs = 1_000, maxRestMs = 60_000 } = options;
  return {
    failureRatio: finite(`${name}.failureRatio`, failureRatio, { min: 0, max: 1 }),
    minimum: integer(`${name}.minimum`, minimum, { min: 1 }),
    slowMs: slowMs === false ? false : durationMs(`${name}.slowMs`, slowMs),
    restMs: durationMs(`${name}.restMs`, restMs, { min: 1, max: LONGEST_REST_MS }),
    maxRestMs: durationMs(`${name}.maxRestMs`, maxRestMs, { min: restMs, max: LONGEST_REST_MS }),
  };
}
