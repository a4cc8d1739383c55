import { boolean, durationMs, fail, finite, options as known, string } from '../core/check.ts';
import { ConfigError } from '../core/errors.ts';
import type { BrokenConnection } from '../core/injected-fault.ts';

/** Faults that attempts are made to meet. At least one of `delayMs` and `abort`. */
export interface FaultOptions {
  /** How long an attempt is held up before it is sent. Milliseconds, at least 1. @default none is */
  readonly delayMs?: number | undefined;
  /** The share of attempts that are. 0 to 1. @default 1 */
  readonly delayRatio?: number | undefined;
  /**
   * What an attempt comes to that is not sent: a response of this status (400 to 599), or a connection that is `refused`, or `reset` once the request
   * was sent. A status is left out for `mesh.service`. @default all are sent
   */
  readonly abort?: number | BrokenConnection | undefined;
  /** The share of attempts that come to that. 0 to 1. @default 1 */
  readonly abortRatio?: number | undefined;
  /** Only requests that have a header of this name. @default all */
  readonly header?: string | undefined;
  /** Whether it may be set where `NODE_ENV` is `production`. @default false */
  readonly allowInProduction?: boolean | undefined;
}

export interface ResolvedFault {
  readonly delayMs: number | false;
  readonly delayRatio: number;
  readonly abort: number | BrokenConnection | false;
  readonly abortRatio: number;
  readonly header: string | false;
}

export function resolveFault(name: string, options: FaultOptions): ResolvedFault {
  known(name, options, ['delayMs', 'delayRatio', 'abort', 'abortRatio', 'header', 'allowInProduction']);
  const { delayMs, delayRatio = 1, abort, abortRatio = 1, header, allowInProduction = false } = options;
  // What is left behind from a test must not be found out in production by its users.
  if (!boolean(`${name}.allowInProduction`, allowInProduction) && process.env['NODE_ENV'] === 'production')
    throw new ConfigError(`${name} is refused where NODE_ENV is production, unless ${name}.allowInProduction is true`);
  if (delayMs === undefined && abort === undefined)
    throw new ConfigError(`${name} must say at least one of delayMs, abort`);
  return {
    delayMs: delayMs === undefined ? false : durationMs(`${name}.delayMs`, delayMs),
    delayRatio: finite(`${name}.delayRatio`, delayRatio, { min: 0, max: 1 }),
    abort: abort === undefined ? false : abortOf(`${name}.abort`, abort),
    abortRatio: finite(`${name}.abortRatio`, abortRatio, { min: 0, max: 1 }),
    header: header === undefined ? false : string(`${name}.header`, header).toLowerCase(),
  };
}

function abortOf(name: string, abort: unknown): number | BrokenConnection {
  if (abort === 'refused' || abort === 'reset') return abort;
  if (typeof abort !== 'number' || !Number.isSafeInteger(abort) || abort < 400 || abort > 599)
    fail(name, "a status from 400 to 599, 'refused' or 'reset'", abort);
  return abort;
}
