import type { CodelQueue } from '../core/codel-queue.ts';
import type { Context } from '../core/context.ts';
import { RefusedError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/** Calls of one service that are under way in this process, whichever client made them, from their start to the end of their body. */
export interface InFlight {
  running: number;
}

/**
 * Refuses a call while `limit` others to the service are running: a service that hangs must not take the whole process with it. With a queue, one for all of the service,
 * it waits for a moment whether one of them ends.
 */
export function concurrency<Req, Res>(limit: number, inFlight: InFlight, queue?: CodelQueue): Filter<Req, Res> {
  if (queue !== undefined) return waiting(limit, inFlight, queue);
  return observe(({ target, metrics }) => {
    const refused = metrics.counter('calls_refused', { service: target, reason: 'concurrency' });
    const ended = () => {
      inFlight.running--;
    };
    return {
      start(_req, ctx) {
        if (inFlight.running >= limit) {
          refused.add();
          return beyond(target, limit, '');
        }
        inFlight.running++;
        ctx.onEnd(ended);
        return undefined;
      },
    };
  });
}

function waiting<Req, Res>(limit: number, inFlight: InFlight, queue: CodelQueue): Filter<Req, Res> {
  return (next, { target, metrics }) => {
    const refused = metrics.counter('calls_refused', { service: target, reason: 'concurrency' });
    const waited = metrics.counter('calls_waited', { service: target });
    const room = () => inFlight.running < limit;
    const ended = () => {
      inFlight.running--;
      queue.advance(room);
    };
    const begin = (ctx: Context) => {
      inFlight.running++;
      ctx.onEnd(ended);
    };
    return (req, ctx) => {
      if (queue.count === 0 && room()) {
        begin(ctx);
        return next(req, ctx);
      }
      waited.add();
      ctx.note({ waited: true });
      const turn = new Promise<void>((resolve, reject) => {
        const admit = () => {
          begin(ctx);
          resolve();
        };
        const refuse = () => {
          refused.add();
          reject(beyond(target, limit, ', and there was no place for one more in time'));
        };
        const leave = queue.join({ priority: ctx.priority ?? 'default', admit, refuse });
        if (leave === undefined) refuse();
        ctx.onCancel((reason) => {
          leave?.();
          reject(reason);
        });
      });
      // Goes on as what its caller began, and not as what made room for it.
      return turn.then(() => next(req, ctx));
    };
  };
}

function beyond(target: string, limit: number, more: string): RefusedError {
  return new RefusedError(
    target,
    'concurrency',
    `'${target}' already has ${limit} calls running from this process${more}`,
  );
}
