import type { IncomingMessage } from 'node:http';
import { callable, durationMs, fail, finite, integer, options as known, oneOf } from '../../core/check.ts';
import { type QueueOptions, type ResolvedQueue, resolveQueue } from '../../core/queue-options.ts';

export type LimitAlgorithm = 'gradient2' | 'aimd' | 'vegas';

/** How many requests this process works on at a time. */
export interface LimitOptions {
  /** What finds the limit. @default gradient2 */
  readonly algorithm?: LimitAlgorithm | undefined;
  /** The limit to begin with, from `min` to `max`. @default 20 */
  readonly initial?: number | undefined;
  /** The least that it falls to. At least 1. @default 4 */
  readonly min?: number | undefined;
  /** The most that it grows to. @default 1000 */
  readonly max?: number | undefined;
  /** Of `aimd`: a request that takes longer, in milliseconds, means too many. @default 1000 */
  readonly slowMs?: number | undefined;
  /** A short queue before the limit; `false` for none. @default false */
  readonly queue?: QueueOptions | false | undefined;
}

/** How many requests a second one caller may send. */
export interface RateOptions {
  /** In the long run; above 0, at most a million. */
  readonly perSecond: number;
  /** At once; at least 1. @default one second's worth, at least 1 */
  readonly burst?: number | undefined;
}

/** What the inbound side refuses when there is too much. */
export interface InboundOptions {
  /** An adaptive limit of the requests in flight; `{}` for its defaults. @default false */
  readonly limit?: LimitOptions | false | undefined;
  /** A limit of the requests of each caller. @default false */
  readonly rate?: RateOptions | false | undefined;
  /**
   * Which requests are behind no limit and count for none: health checks, control traffic, streams that last. Asked for each
   * request, so it must be quick; one for which it throws is not exempt. @default the paths /health, /healthz, /livez, /readyz, /metrics, and below
   */
  readonly exempt?: ((req: IncomingMessage) => boolean) | undefined;
}

export interface ResolvedLimit {
  readonly algorithm: LimitAlgorithm;
  readonly initial: number;
  readonly min: number;
  readonly max: number;
  readonly slowMs: number;
  readonly queue: ResolvedQueue | false;
}

export interface ResolvedRate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface ResolvedInbound {
  readonly limit: ResolvedLimit | false;
  readonly rate: ResolvedRate | false;
  readonly exempt: (req: IncomingMessage) => boolean;
}

export function resolveInbound(name: string, options: InboundOptions = {}): ResolvedInbound {
  known(name, options, ['limit', 'rate', 'exempt']);
  const { limit = false, rate = false, exempt = controlPath } = options;
  return {
    limit: limit === false ? false : resolveLimit(`${name}.limit`, limit),
    rate: rate === false ? false : resolveRate(`${name}.rate`, rate),
    exempt: callable(`${name}.exempt`, exempt),
  };
}

export function resolveLimit(name: string, options: LimitOptions): ResolvedLimit {
  known(name, options, ['algorithm', 'initial', 'min', 'max', 'slowMs', 'queue']);
  const min = integer(`${name}.min`, options.min ?? 4, { min: 1, max: 1_000_000 });
  const max = integer(`${name}.max`, options.max ?? Math.max(1_000, min), { min, max: 1_000_000 });
  const usual = Math.min(max, Math.max(min, 20));
  const { queue = false } = options;
  return {
    algorithm: oneOf(`${name}.algorithm`, options.algorithm ?? 'gradient2', ['gradient2', 'aimd', 'vegas']),
    initial: integer(`${name}.initial`, options.initial ?? usual, { min, max }),
    min,
    max,
    slowMs: durationMs(`${name}.slowMs`, options.slowMs ?? 1_000),
    queue: queue === false ? false : resolveQueue(`${name}.queue`, queue),
  };
}

function resolveRate(name: string, options: RateOptions): ResolvedRate {
  known(name, options, ['perSecond', 'burst']);
  const perSecond = finite(`${name}.perSecond`, options.perSecond, { max: 1_000_000 });
  if (perSecond <= 0) fail(`${name}.perSecond`, 'a number above 0', perSecond);
  return {
    perSecond,
    burst: finite(`${name}.burst`, options.burst ?? Math.max(1, perSecond), { min: 1, max: 1_000_000 }),
  };
}

/**
 * These paths and what is below them, as long as no framework can take it for something else: what normalises a path must find no way out in it, so
 * there is neither a segment that begins with a dot, nor a percent sign, nor a backslash.
 */
const CONTROL_PATH = /^\/(health|healthz|livez|readyz|metrics)(\/(?!\.)[\w.~-]*)*(\?|$)/;

function controlPath({ url = '' }: IncomingMessage): boolean {
  return CONTROL_PATH.test(url);
}
