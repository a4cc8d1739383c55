import type { Ambient } from '../core/ambient.ts';
import { durationMs, integer, options as known } from '../core/check.ts';
import type { Context } from '../core/context.ts';

/** What the caller of one call says of it. Limits may only be narrower than what the service is configured with. */
export interface CallLimits {
  /** Gives the call up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** A shorter limit for this call, in milliseconds, at least 1. @default that of the service */
  readonly deadlineMs?: number | undefined;
  /** Fewer attempts for this call, the first included, at least 1. @default those of the service */
  readonly attempts?: number | undefined;
}

/** The limits that several calls can have together. */
export type SharedLimits = Omit<CallLimits, 'signal'>;

/** Throws a `ConfigError` for what is no limit of one call. */
export function checkLimits({ deadlineMs, attempts }: CallLimits, of = ''): void {
  if (deadlineMs !== undefined) durationMs(`${of}deadlineMs`, deadlineMs);
  if (attempts !== undefined) integer(`${of}attempts`, attempts, { min: 1 });
}

/** Throws a `ConfigError` for what is no limit of several calls. */
export function checkSharedLimits(name: string, limits: SharedLimits): void {
  known(name, limits, ['deadlineMs', 'attempts']);
  checkLimits(limits, `${name}.`);
}

/** Limits of a single call can only be tighter than those of its service: a caller must not undo what protects it. */
export function narrow(ctx: Context, { deadlineMs, attempts }: CallLimits): void {
  if (deadlineMs !== undefined && ctx.startedAt + deadlineMs < ctx.deadline) {
    ctx.deadline = ctx.startedAt + deadlineMs;
    ctx.limitedBy = 'caller';
  }
  if (attempts !== undefined) narrowAttempts(ctx, attempts);
}

export function narrowAttempts(ctx: Context, attempts: number): void {
  ctx.maxAttempts = fewest(ctx.maxAttempts, attempts);
}

/** What is handed to calls, with these limits from `now` on where they are tighter. */
export function narrowed(around: Ambient, { deadlineMs, attempts }: SharedLimits, now: number): Ambient {
  const within = { ...around, attempts: fewest(around.attempts, attempts) };
  if (deadlineMs === undefined || now + deadlineMs >= around.deadline) return within;
  return { ...within, deadline: now + deadlineMs, limitedBy: 'caller' };
}

function fewest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one;
}
