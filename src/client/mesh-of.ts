import { callOf } from '../core/call-of.ts';
import type { Context } from '../core/context.ts';
import { messageOf } from '../core/errors.ts';
import type { NotRetried } from '../core/not-retried.ts';
import type { CacheUse, FallenBack } from '../core/notes.ts';
import type { Verdict } from '../core/verdict.ts';

/** What one send of a call came to. */
export interface AttemptReport {
  readonly attempt: number;
  /** The id of the endpoint. */
  readonly endpoint: string;
  readonly verdict: Verdict | undefined;
  /** The error that ended it, in words; `undefined` when a response did. */
  readonly error: string | undefined;
  /** The fault that was injected, if one was. */
  readonly fault: string | undefined;
  /** Milliseconds until the head of the response, or until it failed. */
  readonly ms: number;
}

/** What the mesh knows of one call. */
export interface CallReport {
  readonly service: string;
  /** The endpoint that gave the outcome. */
  readonly endpoint: string | undefined;
  readonly attempts: readonly AttemptReport[];
  /** Why the last attempt, which failed, was not followed by another; `undefined` when that was never asked. */
  readonly notRetried: NotRetried | undefined;
  /** What it was answered with in the place of its own outcome, and why; `undefined` when it was not. */
  readonly fallback: FallenBack | undefined;
  /** What a cache did for it; `undefined` where none was asked. */
  readonly cache: CacheUse | undefined;
  /** Milliseconds until the head of the response, or until it failed. */
  readonly ms: number;
  readonly traceId: string | undefined;
}

/** Where a client's errors and responses keep what they came from; got's lead to its options and the transport in them. */
const BEHIND = ['response', 'cause', 'request', 'options'];
const DEPTH = 4;

/**
 * What the mesh knows of the call behind an error or a response of a wrapped client; `undefined` when it did not make that call. It looks
 * behind errors that wrap others (`cause`), and from a response of got to its request.
 */
export function meshOf(thing: unknown): CallReport | undefined {
  const ctx = find(thing, DEPTH);
  return ctx && report(ctx);
}

function find(thing: unknown, depth: number): Context | undefined {
  if (thing === null || (typeof thing !== 'object' && typeof thing !== 'function')) return undefined;
  const ctx = callOf(thing);
  if (ctx !== undefined || depth === 0) return ctx;
  for (const name of BEHIND) {
    const found = find(Reflect.get(thing, name), depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function report(ctx: Context): CallReport {
  const attempts: AttemptReport[] = [];
  for (let attempt = ctx.previous; attempt !== undefined; attempt = attempt.previous) {
    // One that found nobody to call sent nothing.
    if (attempt.endpoint === undefined) continue;
    attempts.unshift({
      attempt: attempt.attempt,
      endpoint: attempt.endpoint.id,
      verdict: attempt.verdict,
      error: attempt.error === undefined ? undefined : messageOf(attempt.error),
      fault: attempt.noted.fault,
      ms: attempt.finishedAt - attempt.startedAt,
    });
  }
  return {
    service: ctx.target,
    endpoint: ctx.endpoint?.id ?? attempts.at(-1)?.endpoint,
    attempts,
    notRetried: ctx.noted.notRetried,
    fallback: ctx.noted.fallback,
    cache: ctx.noted.cache,
    ms: ctx.finishedAt - ctx.startedAt,
    traceId: ctx.trace?.traceId,
  };
}
