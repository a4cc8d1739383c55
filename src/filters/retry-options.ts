import { durationMs, finite, integer, options as known } from '../core/check.ts';

/** When a failed attempt is followed by another. Each is checked when the mesh is made. */
export interface RetryOptions {
  /** Sends of one call, the first included. 1 to 5; 1 never retries. @default 3 */
  readonly attempts?: number | undefined;
  /** Upper end of the random wait before the first retry; doubled for each further one. Milliseconds, at least 0. @default 25 */
  readonly baseMs?: number | undefined;
  /** Longest wait between attempts that no server asked for. Milliseconds, at least `baseMs`. @default 250 */
  readonly maxMs?: number | undefined;
  /** Retries allowed per call made to the service in the last 10 s. 0 to 1. @default 0.2 */
  readonly budgetRatio?: number | undefined;
  /** Retries a second that are allowed however few calls there are. 0 to 1,000. @default 10 */
  readonly budgetPerSecond?: number | undefined;
}

export interface ResolvedRetry {
  readonly attempts: number;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly budgetRatio: number;
  readonly budgetPerSecond: number;
}

export function resolveRetry(name: string, options: RetryOptions = {}): ResolvedRetry {
  known(name, options, ['attempts', 'baseMs', 'maxMs', 'budgetRatio', 'budgetPerSecond']);
  const { attempts = 3, baseMs = 25, maxMs = 250, budgetRatio = 0.2, budgetPerSecond = 10 } = options;
  return {
    attempts: integer(`${name}.attempts`, attempts, { min: 1, max: 5 }),
    baseMs: durationMs(`${name}.baseMs`, baseMs, { min: 0 }),
    maxMs: durationMs(`${name}.maxMs`, maxMs, { min: baseMs }),
    budgetRatio: finite(`${name}.budgetRatio`, budgetRatio, { min: 0, max: 1 }),
    budgetPerSecond: finite(`${name}.budgetPerSecond`, budgetPerSecond, { min: 0, max: 1_000 }),
  };
}
