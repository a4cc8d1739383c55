import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';

/** What a promise of code that is not ours comes to, if it does so within `ms`; rejects when it does not, or when the call is given up. */
export function within<T>(promise: Promise<T>, ms: number, clock: Clock, ctx: Context): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new Error(`it took longer than ${ms} ms`)));
    const settled = () => timer.cancel();
    promise.then(settled, settled);
    promise.then(resolve, reject);
    ctx.onCancel((reason) => {
      timer.cancel();
      reject(reason);
    });
  });
}
