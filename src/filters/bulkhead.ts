import type { HashedCall } from '../balancer/hash-on.ts';
import type { Binding } from '../core/binding.ts';
import { RefusedError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import type { ResolvedBulkhead } from './bulkhead-options.ts';

/** Calls of one service that are under way, by whom they are for. Only whoever has some is in it, so there are never more keys than calls. */
export type RunningByKey = Map<string, number>;

/** Keys come from outside, and messages have to end somewhere. */
const MOST_SHOWN = 80;

/** Refuses a call while `max` others for the same are running: one tenant must not take the whole of what this process may send. */
export function bulkhead<Req, Res>(
  { by, max }: ResolvedBulkhead,
  running: RunningByKey,
  { requestHeader }: Binding<Req, Res>,
): Filter<Req, Res> {
  return observe(({ target, metrics }) => {
    const refused = metrics.counter('calls_refused', { service: target, reason: 'bulkhead' });
    const leave = (key: string) => {
      const others = (running.get(key) ?? 1) - 1;
      if (others === 0) running.delete(key);
      else running.set(key, others);
    };
    return {
      start(req, ctx) {
        const call: HashedCall = {
          service: target,
          operation: ctx.operation,
          header: (name) => requestHeader(req, name),
        };
        // What it throws is told as a fault; the call then goes on as one for nobody.
        const key = by.keyOf(call);
        if (key === undefined) return undefined;
        const others = running.get(key) ?? 0;
        if (others >= max) {
          refused.add();
          const shown = key.length > MOST_SHOWN ? `${key.slice(0, MOST_SHOWN)}…` : key;
          return new RefusedError(
            target,
            'bulkhead',
            `'${target}' already has ${max} calls running for '${shown}' from this process`,
          );
        }
        running.set(key, others + 1);
        ctx.onEnd(() => leave(key));
        return undefined;
      },
    };
  });
}
