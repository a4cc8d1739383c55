import { durationMs, fail, integer, options as known, oneOf } from '../core/check.ts';

/**
 * How this process asks each endpoint whether it is well, beside its calls. Each is checked when the mesh is made.
 *
 * Every process that follows the service asks every endpoint that it may use, so without subsets a thousand callers ask it a thousand times in each interval.
 */
export interface CheckOptions {
  /** The path that is asked for; begins with a slash. Without one a TCP connection is made, and closed. @default false */
  readonly path?: string | false | undefined;
  /** How it is asked for. @default 'GET' */
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS' | undefined;
  /** The status that means well, 200 to 599, or any that begins with 2. @default '2xx' */
  readonly status?: number | '2xx' | undefined;
  /** Time between two checks of one endpoint, jittered. Milliseconds, at least 100. @default 10_000 */
  readonly intervalMs?: number | undefined;
  /** Limit of one check, to the head of the answer. Milliseconds, at least 1 and at most `intervalMs`. @default 1_000 */
  readonly timeoutMs?: number | undefined;
  /** Checks in a row that have to pass before one that they took out comes back. 1 to 100. @default 2 */
  readonly rise?: number | undefined;
  /** Checks in a row that have to fail before it is taken out. 1 to 100. @default 3 */
  readonly fall?: number | undefined;
}

export interface ResolvedChecks {
  readonly path: string | false;
  readonly method: 'GET' | 'HEAD' | 'OPTIONS';
  readonly status: number | '2xx';
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

const NAMES: readonly (keyof CheckOptions)[] = ['path', 'method', 'status', 'intervalMs', 'timeoutMs', 'rise', 'fall'];

/** What may stand in the first line of a request. */
const PATH = /^\/[\x21-\x7e]*$/;

export function resolveChecks(name: string, options: CheckOptions): ResolvedChecks {
  known(name, options, NAMES);
  const { path = false, method = 'GET', status = '2xx', intervalMs = 10_000, rise = 2, fall = 3 } = options;
  if (path !== false && (typeof path !== 'string' || !PATH.test(path)))
    fail(`${name}.path`, 'a path that begins with a slash, in printable ASCII, or false', path);
  durationMs(`${name}.intervalMs`, intervalMs, { min: 100 });
  const { timeoutMs = Math.min(1_000, intervalMs) } = options;
  return {
    path,
    method: oneOf(`${name}.method`, method, ['GET', 'HEAD', 'OPTIONS']),
    status: status === '2xx' ? status : integer(`${name}.status`, status, { min: 200, max: 599 }),
    intervalMs,
    timeoutMs: durationMs(`${name}.timeoutMs`, timeoutMs, { min: 1, max: intervalMs }),
    rise: integer(`${name}.rise`, rise, { min: 1, max: 100 }),
    fall: integer(`${name}.fall`, fall, { min: 1, max: 100 }),
  };
}
