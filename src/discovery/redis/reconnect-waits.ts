import { jittered, type Random } from '../../core/random.ts';

/** Milliseconds until the attempt with this number since Redis was lost, or since the start; counted from 1. */
export type ReconnectWaits = (attempt: number) => number;

const FIRST_START_MS = 50;
const JITTER = 0.25;
/** The longest wait, in spreads. */
export const LONGEST_WAIT: number = 1 + JITTER;

/**
 * Spreads the processes that lose Redis at the same moment evenly over `spreadMs`, from their first attempt on: as many come in any tenth of that
 * time as in any other. `stood` tells whether there was a connection to lose; a process that only starts looks again sooner, because it starts
 * at a moment of its own.
 */
export function reconnectWaits(spreadMs: number, random: Random, stood: () => boolean): ReconnectWaits {
  return (attempt) => {
    if (attempt === 1 && stood()) return spreadMs * random();
    // Whoever came too early waits for `spreadMs` on average, and so they go on to come at the same rate.
    const mean = stood() ? spreadMs : Math.min(spreadMs, FIRST_START_MS * 2 ** Math.min(attempt, 30));
    return jittered(random, mean, JITTER);
  };
}
