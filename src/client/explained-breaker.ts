import type { Target } from './target.ts';

/** How a breaker stands. */
export interface ExplainedBreaker {
  readonly state: 'closed' | 'open' | 'half-open' | 'off';
  /** Empty while it is off, or closed and never was anything else. */
  readonly reason: string;
  /** Whether the application holds it so. */
  readonly forced: boolean;
}

export function explainBreaker({ breaker }: Pick<Target, 'breaker'>): ExplainedBreaker {
  if (breaker === undefined) return { state: 'off', reason: '', forced: false };
  const { state, reason, forced } = breaker;
  return { state, reason, forced };
}

export function breakerInWords({ state, reason }: ExplainedBreaker): string {
  return `${state}${reason && ` (${reason})`}`;
}
