import type { Clock } from './clock.ts';
import type { Context } from './context.ts';

/** Resolves after `ms`; rejects with the reason as soon as `ctx` is cancelled. */
export function sleep(clock: Clock, ms: number, ctx: Context): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, resolve);
    ctx.onCancel((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
