import type { Random } from '../../core/random.ts';

/** Milliseconds until the attempt with this number since Redis was lost, or since the start; counted from 1. */
export type ReconnectWaits = (attempt: number) => number;

const FIRST_START_MS = 50;

/**
 * Spreads the processes that lose Redis at the same moment evenly over `spreadMs`, from their first attempt on: as many come in any tenth of that
 * time as in any other. `stood` tells whether there was a connection to lose; a process that only starts looks again sooner, because it starts
 * at a moment of its own.
 */
export function reconnectWaits(spreadMs: number, random: Random, stood: () => boolean): ReconnectWaits {
  return (attempt) => {
    if (!stood()) return Math.min(spreadMs, FIRST_START_MS * 2 ** Math.min(attempt, 30)) * (0.5 + random());
    // Whoever came too early waits for `spreadMs` on average: the same rate as before.
    return spreadMs * (attempt === 1 ? random() : 0.5 + random());
  };
}
