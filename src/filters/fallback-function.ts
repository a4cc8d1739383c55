import type { Scope } from '../core/filter.ts';
import type { OwnAnswer } from '../core/own-answer.ts';
import { type Answering, madeAnswer } from './fallback-sources.ts';

/**
 * How functions are answered that speak no HTTP: with what their caller makes of the failure. What of their responses is a failure, their caller
 * says, so that none is a refusal.
 */
export function functionAnswering<Req, Res>(
  own: OwnAnswer<Req, Res> | undefined,
  limitMs: number,
): (scope: Scope) => Answering<Req, Res> {
  return (scope) => ({
    sources: own === undefined ? [] : [madeAnswer(makingOf(own, limitMs, scope), scope)],
    isRefusal: () => false,
    words: () => 'gave a response that is a failure',
  });
}

type Making<Req, Res> = Parameters<typeof madeAnswer<Req, Res, { readonly made: Res }>>[0];

function makingOf<Req, Res>({ make }: OwnAnswer<Req, Res>, limitMs: number, { target }: Scope): Making<Req, Res> {
  return {
    make(request, { operation }, { error, bad }) {
      const response = bad?.res;
      // Who gives back the response that failed lets the call have it, which must not be freed then.
      const checked = (made: Res | undefined) => (made === undefined || made === response ? undefined : { made });
      const given = make({ service: target, operation, request, error, response });
      return isThenable(given) ? Promise.resolve(given).then(checked) : checked(given);
    },
    respond: ({ made }) => made,
    limitMs,
  };
}

/** Drivers give what can be awaited and is no promise. */
function isThenable<T>(given: T | PromiseLike<T>): given is PromiseLike<T> {
  return typeof given === 'object' && given !== null && 'then' in given && typeof given.then === 'function';
}
