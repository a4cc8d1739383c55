import { callable, durationMs, options as known } from '../../core/check.ts';
import { ConfigError } from '../../core/errors.ts';
import type { FailedSend, OwnAnswer } from '../../core/own-answer.ts';
import type { FallbackOptions } from '../../filters/fallback-options.ts';

/** What a call of a function is answered with that failed, in this order. At least one of the first two. */
export interface SendFallback<Req, Res> {
  /** Another service, which gets the same request by the same function, if it may be sent again. @default that of the settings of the service */
  readonly service?: string | undefined;
  /**
   * Makes the answer; `undefined` for a call that is to fail. It is a function, also where the answer is always the same (`() => []`): each caller then has
   * one of its own, and an answer may be a function itself. What it throws makes a `FallbackError`. @default none
   */
  readonly answer?:
    | ((failed: FailedSend<Req, Res>) => NoInfer<Res> | undefined | PromiseLike<NoInfer<Res> | undefined>)
    | undefined;
  /** How long that may take. Milliseconds, at least 1. @default that of the settings of the service, or 1_000 */
  readonly limitMs?: number | undefined;
}

interface SplitFallback<Req, Res> {
  readonly answer: OwnAnswer<Req, Res> | undefined;
  /** What goes on top of the settings of the service; `undefined` when nothing does. */
  readonly service: FallbackOptions | false | undefined;
}

/** Checks it, and sets apart the answer, which is none that the settings of a service could have. */
export function splitFallback<Req, Res>(
  name: string,
  fallback: SendFallback<Req, Res> | false | undefined,
): SplitFallback<Req, Res> {
  if (fallback === undefined || fallback === false) return { answer: undefined, service: fallback };
  known(name, fallback, ['service', 'answer', 'limitMs']);
  const { service, answer, limitMs } = fallback;
  if (service === undefined && answer === undefined)
    throw new ConfigError(`${name} must say at least one of service, answer`);
  if (answer !== undefined) callable(`${name}.answer`, answer);
  if (limitMs !== undefined) durationMs(`${name}.limitMs`, limitMs);
  return {
    answer: answer && { make: answer, limitMs },
    service: service === undefined ? undefined : { service, limitMs },
  };
}
