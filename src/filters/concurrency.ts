import { RefusedError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';

/** Calls of one service that are under way in this process, whichever client made them. */
export interface InFlight {
  running: number;
}

/** Refuses a call while `limit` others to the service are running: a service that hangs must not take the whole process with it. */
export function concurrency<Req, Res>(limit: number, inFlight: InFlight): Filter<Req, Res> {
  return observe(({ target, metrics }) => {
    const refused = metrics.counter('calls_refused', { service: target, reason: 'concurrency' });
    return {
      start() {
        if (inFlight.running >= limit) {
          refused.add();
          return new RefusedError(
            target,
            'concurrency',
            `'${target}' already has ${limit} calls running from this process`,
          );
        }
        inFlight.running++;
        return undefined;
      },
      success() {
        inFlight.running--;
        return undefined;
      },
      failure() {
        inFlight.running--;
      },
    };
  });
}
