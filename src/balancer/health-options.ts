import { durationMs, finite, integer, options as known } from '../core/check.ts';

/** When one endpoint is taken out of use by its own failures. Each is checked when the mesh is made. */
export interface HealthOptions {
  /**
   * Failures in a row that take it out; one that took half a second or more, and ten times the mean of all endpoints, counts as three: it
   * hangs. 1 to 1,000.
   * @default 5
   */
  readonly failures?: number | undefined;
  /** Success rate below which it is taken out, once there are `minimum` outcomes in 10 s. 0 to 1. @default 0.8 */
  readonly successRatio?: number | undefined;
  /** Outcomes in 10 s below which the rate says nothing. At least 1. @default 20 */
  readonly minimum?: number | undefined;
  /**
   * Success rate below which it is taken out when it also fails more than three times as often as its peers, by more than chance. Looked at
   * with at least 5 endpoints, 100 outcomes of its own in 10 s and 400 of its peers. 0 to 1, 0 for never. @default 0.95
   */
  readonly outlierRatio?: number | undefined;
  /**
   * A success that took longer than this, and ten times the mean of all endpoints, counts as a failure in the comparison with its peers.
   * Off, since a picker that knows the load gives a slow one little to do; for the others. Milliseconds, at least 1. @default false
   */
  readonly slowMs?: number | false | undefined;
  /**
   * Rest after the first time, doubled with each probe; one doubling is forgiven for every 10 s in use after it came back. Jittered by
   * ± 20 %. Milliseconds, at least 1. @default 5_000
   */
  readonly restMs?: number | undefined;
  /** Longest rest in milliseconds; at least `restMs`. @default 300_000 */
  readonly maxRestMs?: number | undefined;
  /** Time over which one that came back, or joined later, gets up to its full share. Milliseconds, 0 for none. @default 10_000 */
  readonly slowStartMs?: number | undefined;
}

export interface ResolvedHealth {
  readonly failures: number;
  readonly successRatio: number;
  readonly minimum: number;
  readonly outlierRatio: number;
  readonly slowMs: number | false;
  readonly restMs: number;
  readonly maxRestMs: number;
  readonly slowStartMs: number;
}

const NAMES: readonly (keyof HealthOptions)[] = [
  'failures',
  'successRatio',
  'minimum',
  'outlierRatio',
  'slowMs',
  'restMs',
  'maxRestMs',
  'slowStartMs',
];

export function resolveHealth(name: string, options: HealthOptions = {}): ResolvedHealth {
  known(name, options, NAMES);
  const { failures = 5, successRatio = 0.8, minimum = 20, outlierRatio = 0.95, slowMs = false } = options;
  const { restMs = 5_000, maxRestMs = 300_000, slowStartMs = 10_000 } = options;
  return {
    failures: integer(`${name}.failures`, failures, { min: 1, max: 1_000 }),
    successRatio: finite(`${name}.successRatio`, successRatio, { min: 0, max: 1 }),
    minimum: integer(`${name}.minimum`, minimum, { min: 1 }),
    outlierRatio: finite(`${name}.outlierRatio`, outlierRatio, { min: 0, max: 1 }),
    slowMs: slowMs === false ? false : durationMs(`${name}.slowMs`, slowMs),
    restMs: durationMs(`${name}.restMs`, restMs),
    maxRestMs: durationMs(`${name}.maxRestMs`, maxRestMs, { min: restMs }),
    slowStartMs: durationMs(`${name}.slowStartMs`, slowStartMs, { min: 0 }),
  };
}
