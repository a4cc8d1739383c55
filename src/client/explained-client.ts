import type { Setting } from '../core/setting.ts';
import { breakerInWords, type ExplainedBreaker, explainBreaker } from './explained-breaker.ts';
import { explainStack } from './explained-stack.ts';
import type { OwnClient } from './own-clients.ts';
import type { Parts } from './parts.ts';
import type { Target } from './target.ts';

/** One client of a service that was given something of its own, on top of the settings of the service, or has a breaker of its own. */
export interface ExplainedClient {
  /** Such as `client('players')` or `service('players')`; several may be called the same. */
  readonly of: string;
  /** Those that it was given itself. */
  readonly settings: readonly Setting[];
  /** That of the service, unless it was given settings of the service, be it none (`{}`). Of one made several times, the one that is furthest from closed. */
  readonly breaker: ExplainedBreaker;
  /** The layers that its calls pass, outermost first. */
  readonly stack: string;
}

/** `shared` is what clients call that have nothing of their own. */
export function explainClient(
  { of, settings, targets, answers }: OwnClient,
  shared: Target,
  parts: Parts,
): ExplainedClient {
  const [target = shared, ...others] = targets;
  const breaker = others.map(explainBreaker).reduce(furtherFromClosed, explainBreaker(target));
  return { of, settings, breaker, stack: explainStack(target, parts, answers) };
}

/** What is said of the service is not said again. */
export function clientInWords(
  { of, settings, breaker, stack }: ExplainedClient,
  service: Pick<ExplainedClient, 'breaker' | 'stack'>,
): string[] {
  const stands = breakerInWords(breaker);
  return [
    ...(settings.length === 0 ? [] : [`settings of ${of} where they differ:`]),
    ...settings.map(({ name, value }) => `  ${name} = ${value}`),
    ...(stands === breakerInWords(service.breaker) ? [] : [`breaker of ${of}: ${stands}`]),
    ...(stack === service.stack ? [] : [`stack of ${of}:`, ...stackInWords(stack)]),
  ];
}

export function stackInWords(stack: string): string[] {
  return stack.split('\n').map((line) => `  ${line}`);
}

const FROM_CLOSED: readonly ExplainedBreaker['state'][] = ['off', 'closed', 'half-open', 'open'];

function furtherFromClosed(one: ExplainedBreaker, other: ExplainedBreaker): ExplainedBreaker {
  return FROM_CLOSED.indexOf(other.state) > FROM_CLOSED.indexOf(one.state) ? other : one;
}
