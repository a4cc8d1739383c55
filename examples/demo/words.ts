import type { Scene } from './scene.ts';

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function percent(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${Math.round(ratio * 100)} %`;
}

export function integer(count: number): string {
  return count.toLocaleString('en-US');
}

/** As in `1 player` and `3 players`. */
export function counted(count: number, thing: string): string {
  return `${integer(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** The reason that a system gives, without the path that it concerns. */
export function brief(reason: string): string {
  return reason.replace(/, \w+ '.*'/, '');
}

/** The last second in one line. */
export function rateInWords({ lastSecond: { calls, retries, failed, p50Ms, p99Ms } }: Scene): string {
  return `${calls} calls/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms, retries ${retries}, failed ${failed}`;
}

/** What `teams` knows of its registry and of `players`, in one line. */
export function healthInWords({ health }: Scene): string {
  return health === undefined ? '' : `registry ${health.registry}, breaker ${health.breaker}`;
}
