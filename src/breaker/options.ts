import { durationMs, finite, integer, options as known } from '../core/check.ts';

/** When calls to a whole service fail fast. Each is checked when the mesh is made. */
export interface BreakerOptions {
  /** Share of failed calls in 10 s above which it opens. 0 to 1. @default 0.5 */
  readonly failureRatio?: number | undefined;
  /** Calls in 10 s below which the share says nothing. At least 1. @default 20 */
  readonly minimum?: number | undefined;
  /** Time until the first probe; doubled after each that fails, jittered by ± 20 %. Milliseconds, 1 to 86,400,000. @default 5_000 */
  readonly restMs?: number | undefined;
  /** Longest time between probes in milliseconds: from `restMs` to 86,400,000. @default 60_000 */
  readonly maxRestMs?: number | undefined;
}

export interface ResolvedBreaker {
  readonly failureRatio: number;
  readonly minimum: number;
  readonly restMs: number;
  readonly maxRestMs: number;
}

/** A day. opossum's timer is the platform's, which fires at once beyond 24 days. */
const LONGEST_REST_MS = 86_400_000;

export function resolveBreaker(name: string, options: BreakerOptions = {}): ResolvedBreaker {
  known(name, options, ['failureRatio', 'minimum', 'restMs', 'maxRestMs']);
  const { failureRatio = 0.5, minimum = 20, restMs = 5_000, maxRestMs = 60_000 } = options;
  return {
    failureRatio: finite(`${name}.failureRatio`, failureRatio, { min: 0, max: 1 }),
    minimum: integer(`${name}.minimum`, minimum, { min: 1 }),
    restMs: durationMs(`${name}.restMs`, restMs, { min: 1, max: LONGEST_REST_MS }),
    maxRestMs: durationMs(`${name}.maxRestMs`, maxRestMs, { min: restMs, max: LONGEST_REST_MS }),
  };
}
