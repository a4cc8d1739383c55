import { durationMs, options as known, serviceName } from '../core/check.ts';
import { ConfigError, type MeshError } from '../core/errors.ts';
import type { MadeResponse } from '../core/http-binding.ts';
import { type Answer, resolveAnswer } from './answer.ts';
import { resolveHeaderNames } from './header-names.ts';

/** A call that failed, for who answers in its place. */
export interface FailedCall {
  readonly service: string;
  /** The HTTP method. */
  readonly operation: string;
  /** Path and query. */
  readonly path: string;
  /** A header of the request, by its name in lower case. */
  header(name: string): string | undefined;
  /** What it failed with; of a call that was answered, an error with the code `MESH_STATUS`. */
  readonly error: MeshError;
  /** The status of the response, if there was one. */
  readonly status: number | undefined;
}

/** Makes an answer for a failed call; `undefined` for one that is to fail. */
type MakeAnswer = (failed: FailedCall) => Answer | undefined | Promise<Answer | undefined>;

/** What a call is answered with that failed, in this order. At least one of the first three. */
export interface FallbackOptions {
  /** Another service, which gets the same request if it may be sent again. @default none */
  readonly service?: string | undefined;
  /**
   * The last good answer to the same GET, unless it is older: milliseconds, at least 1. Only of `mesh.client`, which reads bodies whole. @default none is kept
   */
  readonly staleMs?: number | undefined;
  /** A response, or a function that makes one. Left out for `mesh.service`, whose functions have their own. @default none */
  readonly answer?: Answer | MakeAnswer | undefined;
  /** How long such a function may take. Milliseconds, at least 1. @default 1_000 */
  readonly limitMs?: number | undefined;
  /** Headers that two GETs may differ in and be the same for `staleMs`. @default none */
  readonly ignoreHeaders?: readonly string[] | undefined;
}

/** How long a function that makes an answer may take, when nothing is said. */
export const DEFAULT_LIMIT_MS = 1_000;

export interface ResolvedFallback {
  readonly service: string | false;
  readonly staleMs: number | false;
  readonly answer: ResolvedAnswer | false;
  readonly limitMs: number;
  readonly ignoreHeaders: readonly string[];
}

interface ResolvedAnswer {
  /** What it gives is checked; it may throw. */
  readonly make: (failed: FailedCall) => MadeResponse | undefined | Promise<MadeResponse | undefined>;
  /** In words, for `explain`. */
  readonly words: string;
}

export function resolveFallback(name: string, options: FallbackOptions): ResolvedFallback {
  known(name, options, ['service', 'staleMs', 'answer', 'limitMs', 'ignoreHeaders']);
  const { service, staleMs, answer, limitMs = DEFAULT_LIMIT_MS, ignoreHeaders } = options;
  if (service === undefined && staleMs === undefined && answer === undefined)
    throw new ConfigError(`${name} must say at least one of service, staleMs, answer`);
  return {
    service: service === undefined ? false : serviceName(`${name}.service`, service),
    staleMs: staleMs === undefined ? false : durationMs(`${name}.staleMs`, staleMs),
    answer: answer === undefined ? false : answerOf(`${name}.answer`, answer),
    limitMs: durationMs(`${name}.limitMs`, limitMs),
    ignoreHeaders: resolveHeaderNames(`${name}.ignoreHeaders`, ignoreHeaders),
  };
}

function answerOf(name: string, given: Answer | MakeAnswer): ResolvedAnswer {
  if (typeof given !== 'function') {
    const made = resolveAnswer(name, given);
    return { make: () => made, words: `a response of ${made.status}` };
  }
  const checked = (answer: Answer | undefined) => (answer === undefined ? undefined : resolveAnswer(name, answer));
  const make = (failed: FailedCall) => {
    const answer = given(failed);
    return answer instanceof Promise ? answer.then(checked) : checked(answer);
  };
  return { make, words: 'a function' };
}
