import { durationMs, integer } from '../core/check.ts';
import type { Context } from '../core/context.ts';

/** What the caller of one call says of it. Limits may only be narrower than what the service is configured with. */
export interface CallLimits {
  /** Gives the call up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** A shorter limit for this call, in milliseconds. */
  readonly deadlineMs?: number | undefined;
  /** Fewer attempts for this call. */
  readonly attempts?: number | undefined;
}

export function checkLimits({ deadlineMs, attempts }: CallLimits): void {
  if (deadlineMs !== undefined) durationMs('deadlineMs', deadlineMs);
  if (attempts !== undefined) integer('attempts', attempts, { min: 1 });
}

/** Limits of a single call can only be tighter than those of its service: a caller must not undo what protects it. */
export function narrow(ctx: Context, { deadlineMs, attempts }: CallLimits): void {
  if (deadlineMs !== undefined && ctx.startedAt + deadlineMs < ctx.deadline) {
    ctx.deadline = ctx.startedAt + deadlineMs;
    ctx.limitedBy = 'caller';
  }
  if (attempts !== undefined) ctx.maxAttempts = attempts;
}
