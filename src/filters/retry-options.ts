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
  const baseMs = durationMs(`${name}.baseMs`, options.baseMs ?? 25, { min: 0 });
  return {
    attempts: integer(`${name}.attempts`, options.attempts ?? 3, { min: 1, max: 5 }),
    baseMs,
    maxMs: durationMs(`${name}.maxMs`, options.maxMs ?? 250, { min: baseMs }),
    budgetRatio: finite(`${name}.budgetRatio`, options.budgetRatio ?? 0.2, { min: 0, max: 1 }),
    budgetPerSecond: finite(`${name}.budgetPerSecond`, options.budgetPerSecond ?? 10, { min: 0, max: 1_000 }),
  };
}
