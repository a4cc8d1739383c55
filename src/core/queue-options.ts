import { boolean, durationMs, integer, options as known } from './check.ts';

/** What waits for its turn when the limit is reached. */
export interface QueueOptions {
  /** Most requests that wait. At least 1. @default 100 */
  readonly size?: number | undefined;
  /** The wait that is no sign of overload, in milliseconds; nor is one of fewer than sixteen. @default 20 */
  readonly targetMs?: number | undefined;
  /** Longest wait; also how long all must have waited longer than `targetMs` until that is overload. At least `targetMs`. @default 200 */
  readonly intervalMs?: number | undefined;
  /** Whether the newest goes first while there is overload: the oldest have callers that are about to give up. @default false */
  readonly lifo?: boolean | undefined;
}

export interface ResolvedQueue {
  readonly size: number;
  readonly targetMs: number;
  readonly intervalMs: number;
  readonly lifo: boolean;
}

export function resolveQueue(name: string, options: QueueOptions): ResolvedQueue {
  known(name, options, ['size', 'targetMs', 'intervalMs', 'lifo']);
  const targetMs = durationMs(`${name}.targetMs`, options.targetMs ?? 20);
  return {
    size: integer(`${name}.size`, options.size ?? 100, { min: 1, max: 100_000 }),
    targetMs,
    intervalMs: durationMs(`${name}.intervalMs`, options.intervalMs ?? Math.max(200, targetMs), { min: targetMs }),
    lifo: boolean(`${name}.lifo`, options.lifo ?? false),
  };
}
