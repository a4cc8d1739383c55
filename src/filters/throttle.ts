import type { Context } from '../core/context.ts';
import { RefusedError, softlyRefused } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { SlidingWindow } from '../core/sliding-window.ts';
import type { ResolvedThrottle } from './throttle-options.ts';

/**
 * Google's book counts over two minutes: for as long it remembers that a service was not well, and refuses calls that it would take. Here all is to be as
 * before within five seconds, so what is older than two does not count; and more is not needed, since a process that sends so little that two
 * seconds say nothing (`minimum`) is none that a service has to be spared from.
 */
const SPAN_MS = 2_000;
/** Of ten attempts at least one is sent, however bad it looks: nothing else finds out that the service is well again. */
const MOST = 0.9;

/** What became of the attempts at a service in the last two seconds, whichever client made them. */
export type Asked = SlidingWindow;

export function createAsked(now: number): Asked {
  return new SlidingWindow(SPAN_MS, now);
}

/**
 * Refuses attempts here that the service would refuse: to refuse costs a server too (Google's SRE book, "Handling overload"). With `requests`
 * the attempts of the last two seconds, those refused here included, and `accepts` those that the service worked on, each attempt is refused with the
 * probability (requests - ratio × accepts) ÷ (requests + 1), at most nine tenths: the book has no bound, and one that accepted nothing for
 * long would hardly be asked any more.
 *
 * `critical` calls are not refused here, `sheddable` ones twice as likely. What was taken back, or softly refused, counts for nothing.
 */
export function throttle<Req, Res>({ ratio, minimum }: ResolvedThrottle, asked: Asked): Filter<Req, Res> {
  return observe(({ target, clock, metrics, random }) => {
    const refused = metrics.counter('calls_refused', { service: target, reason: 'throttle' });
    const ended = (accepted: boolean) => asked.add(clock.now(), 1, accepted ? 1 : 0);
    return {
      start(_req, ctx) {
        if (ctx.priority === 'critical') return undefined;
        asked.turn(clock.now());
        const { first: requests, second: accepts } = asked;
        const beyond = requests - ratio * accepts;
        if (requests < minimum || beyond <= 0) return undefined;
        const chance = (beyond / (requests + 1)) * (ctx.priority === 'sheddable' ? 2 : 1);
        if (random() >= Math.min(MOST, chance)) return undefined;
        ended(false);
        refused.add();
        return new RefusedError(
          target,
          'throttle',
          `'${target}' accepted ${accepts} of the last ${requests} attempts of this process: this one was not sent`,
        );
      },
      success(_res, ctx) {
        ended(ctx.verdict !== 'retryable');
        return undefined;
      },
      failure(error, ctx) {
        if (counts(error, ctx)) ended(false);
      },
    };
  });
}

/** Whether a failure says that the service does not keep up: not one that the caller, or the request itself, is the reason of. */
function counts(error: unknown, ctx: Context): boolean {
  if (error instanceof RefusedError) return !softlyRefused(error);
  return ctx.verdict === 'retryable' || ctx.verdict === 'failure';
}
