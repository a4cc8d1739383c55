import type { Clock, Timer } from './clock.ts';

/** Runs `run` again and again, each time `delayMs()` after the last, until cancelled. The process does not stay alive for it. */
export function repeat(clock: Clock, delayMs: () => number, run: () => void): Timer {
  let timer: Timer;
  const arm = () => {
    timer = clock.background(delayMs(), () => {
      arm();
      run();
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
}
