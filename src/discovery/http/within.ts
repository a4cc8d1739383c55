import type { Clock } from '../../core/clock.ts';

/** Work that is given up by its signal; `renew` gives it so many milliseconds from now instead of what it had. */
export type LimitedWork<T> = (signal: AbortSignal, renew: (ms: number) => void) => Promise<T>;

/**
 * Runs `work` for at most `ms`, or until `outer` is aborted, whichever comes first; then it rejects at once, and aborts the signal that
 * the work was given. What the work does after that is of no interest.
 */
export function within<T>(clock: Clock, ms: number, outer: AbortSignal, work: LimitedWork<T>): Promise<T> {
  const inner = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = (reason: unknown): void => {
    settle();
    reject(reason);
    inner.abort(reason);
  };
  const wait = (limitMs: number) =>
    clock.background(limitMs, () => giveUp(new TimeoutError(`no answer within ${Math.round(limitMs)} ms`)));
  const aborted = (): void => giveUp(outer.reason);
  let timer = wait(ms);
  const settle = (): void => {
    timer.cancel();
    outer.removeEventListener('abort', aborted);
  };
  const renew = (limitMs: number): void => {
    if (inner.signal.aborted) return;
    timer.cancel();
    timer = wait(limitMs);
  };
  outer.addEventListener('abort', aborted);
  if (outer.aborted) aborted();
  else work(inner.signal, renew).finally(settle).then(resolve, reject);
  return promise;
}

/** Something took too long. It has a code, as the errors of sockets have. */
class TimeoutError extends Error {
  readonly code = 'ETIMEDOUT';
}
