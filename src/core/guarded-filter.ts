import type { Context } from './context.ts';
import type { Filter, Scope } from './filter.ts';
import { FilterFaults } from './filter-faults.ts';
import { joined } from './joined.ts';
import { observerOf } from './observe.ts';
import { Passage } from './passage.ts';
import type { Service } from './service.ts';

/**
 * A filter of the application, kept from hurting others than the calls that pass through it.
 *
 * - One that throws, when it is built or for a call, fails its calls with what it threw. An error of its own after one from below has that as its `cause`.
 * - What it does not pass on says nothing about an endpoint: the verdict is `ignorable`, unless it was given one.
 * - Each call ends: at the latest when it is cancelled, whatever the filter waits for. What it fails while it is under way below is cancelled
 *   there, and a response that it fails after all is freed.
 * - `next` goes down once for each call: a second time would be beyond the limits of the call, which ended with the first.
 */
export function guarded<Req, Res>(
  name: string,
  filter: Filter<Req, Res>,
  discard: (res: Res) => void,
): Filter<Req, Res> {
  return (next, scope) => {
    const { clock, target } = scope;
    const faults = new FilterFaults(name, scope);
    const passages = new WeakMap<Context, Passage<Res>>();
    const held = { name, clock, discard };

    const misused = (how: string): Promise<never> => {
      const error = new Error(`filter '${name}' of '${target}' called next ${how}`);
      faults.report('next', error);
      return refused(error);
    };
    const below: Service<Req, Res> = (req, ctx) => {
      const passage = passages.get(ctx);
      if (passage === undefined) return misused('with another context than its own');
      if (passage.below !== 'unsent') return misused('a second time for one call');
      if (ctx.cancelled !== undefined) return refused(ctx.cancelled);
      if (passage.over) return misused('after its call was over');
      // What it waited for is not the time of an endpoint that is yet to be picked.
      if (ctx.parent !== undefined && ctx.node === undefined) ctx.startedAt = clock.now();
      return passage.follow(next(req, ctx));
    };
    const inner = built(name, filter, below, scope, faults);
    if (inner === below) return next;
    const faulted = (error: unknown) => faults.report('hook', error);

    return (req, ctx) => {
      const passage = new Passage<Res>(ctx, held);
      passages.set(ctx, passage);
      const { root } = ctx;
      if (root.noted.faulted === undefined) root.note({ faulted });
      return new Promise<Res>((resolve, reject) => {
        const fail = (error: unknown) => {
          passage.fail(error);
          reject(error);
        };
        passage.watch(fail);
        if (passage.over) return;
        try {
          // One that is not compiled may give something that is no promise.
          Promise.resolve(inner(req, ctx)).then(
            (res) => {
              if (passage.over) return;
              passage.succeed();
              resolve(res);
            },
            (error: unknown) => {
              if (passage.over) return;
              if (!passage.passesOn(error)) faults.count('rejected');
              fail(error);
            },
          );
        } catch (error) {
          faults.report('threw', error);
          if (!passage.over) fail(error);
        }
      });
    };
  };
}

/** The service that a filter makes of the one below it; one that fails each call where it makes none. */
function built<Req, Res>(
  name: string,
  filter: Filter<Req, Res>,
  below: Service<Req, Res>,
  scope: Scope,
  faults: FilterFaults,
): Service<Req, Res> {
  try {
    const make = observerOf(filter);
    const service =
      make === undefined ? filter(below, scope) : joined(below, [{ role: name, observer: make(scope) }], scope);
    if (typeof service === 'function') return service;
    throw new TypeError(`filter '${name}' of '${scope.target}' must give a function`);
  } catch (error) {
    faults.report('built', error);
    return () => Promise.reject(error);
  }
}

/** A rejection that may be ignored, as what comes from below may be. */
function refused(error: Error): Promise<never> {
  const refusal = Promise.reject(error);
  refusal.catch(() => {});
  return refusal;
}
