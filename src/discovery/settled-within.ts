import type { Clock } from '../core/clock.ts';

/** Resolves when `work` is over, either way, or after `ms`, whichever comes first. Never rejects. */
export function settledWithin(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    const settle = () => {
      timer.cancel();
      resolve();
    };
    work.then(settle, settle);
  });
}
