import type { Clock } from './clock.ts';
import type { Context } from './context.ts';
import type { Events } from './events.ts';
import { FilterFaults } from './filter-faults.ts';
import type { Metrics } from './metrics.ts';
import type { Random } from './random.ts';
import type { Service } from './service.ts';

/** What a filter may use while it is built. */
export interface Scope {
  /** The logical service that the stack calls. */
  readonly target: string;
  /** The name of the binding that the stack ends in. */
  readonly binding: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly metrics: Metrics;
}

/**
 * A layer of a stack. The outer function runs once per stack and is the place for state and instruments; the inner one runs once per
 * call. One with nothing to do after the reply returns `next(req, ctx)` itself; one that only looks is written with `observe`.
 */
export type Filter<Req, Res, S extends Scope = Scope> = (next: Service<Req, Res>, scope: S) => Service<Req, Res>;

/** What a hook gives: an error, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: so that a hook which only looks needs no `return`
type Hooked = Error | undefined | void;

/** The hooks of a filter that looks at a call and does not change it. They are not awaited. */
export interface Observer<Req, Res> {
  /** Before the call goes down. An error returned refuses the call with that error. */
  start?(req: Req, ctx: Context): Hooked;
  /** After a response. An error returned takes the place of the response for all layers outside. */
  success?(res: Res, ctx: Context): Hooked;
  failure?(error: unknown, ctx: Context): void;
}

const OBSERVER = Symbol('observer');

type MakeObserver<Req, Res, S extends Scope> = (scope: S) => Observer<Req, Res>;
type ObserverFilter<Req, Res, S extends Scope> = Filter<Req, Res, S> & {
  readonly [OBSERVER]: MakeObserver<Req, Res, S>;
};

/**
 * A filter made of hooks. A stack joins neighbours made this way into one layer, so that five of them cost one promise and not five.
 * A hook that throws is reported as a `fault` and counted; the call goes on.
 */
export function observe<Req, Res, S extends Scope = Scope>(make: MakeObserver<Req, Res, S>): Filter<Req, Res, S> {
  const filter: Filter<Req, Res, S> = (next, scope) => joined(next, [{ role: UNNAMED, observer: make(scope) }], scope);
  return Object.assign(filter, { [OBSERVER]: make });
}

/** The observer behind a filter, if it was made by `observe`. */
export function observerOf<Req, Res, S extends Scope>(
  filter: Filter<Req, Res, S>,
): MakeObserver<Req, Res, S> | undefined {
  return OBSERVER in filter ? (filter as ObserverFilter<Req, Res, S>)[OBSERVER] : undefined; // `in` does not narrow by a unique symbol
}

/** An observer that no stack gave a name. */
const UNNAMED = 'unnamed';

/** An observer with its place in a stack. */
export interface Placed<Req, Res> {
  readonly role: string;
  readonly observer: Observer<Req, Res>;
}

/** One layer that runs observers, the outermost first on the way down and last on the way up. */
export function joined<Req, Res>(
  next: Service<Req, Res>,
  placed: readonly Placed<Req, Res>[],
  scope: Scope,
): Service<Req, Res> {
  const count = placed.length;
  const observers = placed.map(({ observer }) => observer);
  const faults = placed.map(({ role }) => new FilterFaults(role, scope));
  /** Nobody here looks at replies. */
  const blind = observers.every(({ success, failure }) => success === undefined && failure === undefined);
  const fault = (i: number, error: unknown) => faults[i]?.report('hook', error);
  /** What a hook gave, where it is an error. Compilers see to that; not all code is compiled. */
  const errorOf = (i: number, given: unknown): Error | undefined => {
    if (given instanceof Error) return given;
    if (given instanceof Promise) given.catch((error: unknown) => fault(i, error));
    fault(i, new TypeError('a hook of an observer gives an error or nothing'));
    return undefined;
  };

  const rise = (from: number, res: Res, ctx: Context): Res => {
    for (let i = from; i >= 0; i--) {
      let given: unknown;
      try {
        given = observers[i]?.success?.(res, ctx);
      } catch (error) {
        fault(i, error);
      }
      const failure = given === undefined ? undefined : errorOf(i, given);
      if (failure !== undefined) return sink(i - 1, failure, ctx);
    }
    return res;
  };
  const sink = (from: number, thrown: unknown, ctx: Context): never => {
    for (let i = from; i >= 0; i--) {
      try {
        const given: unknown = observers[i]?.failure?.(thrown, ctx);
        // One that is `async` has the type of one that is not.
        if (given instanceof Promise) given.catch((error: unknown) => fault(i, error));
      } catch (error) {
        fault(i, error);
      }
    }
    throw thrown;
  };

  return (req, ctx) => {
    for (let i = 0; i < count; i++) {
      let given: unknown;
      try {
        given = observers[i]?.start?.(req, ctx);
      } catch (error) {
        fault(i, error);
      }
      const refusal = given === undefined ? undefined : errorOf(i, given);
      if (refusal !== undefined) return refuse(refusal, i - 1, ctx);
    }
    try {
      const reply = next(req, ctx);
      if (blind) return reply;
      return reply.then(
        (res) => rise(count - 1, res, ctx),
        (error: unknown) => sink(count - 1, error, ctx),
      );
    } catch (error) {
      // A filter that breaks the rule of a service and throws at once: what was started above still has to be ended.
      return refuse(error, count - 1, ctx);
    }
  };

  async function refuse(refusal: unknown, from: number, ctx: Context): Promise<never> {
    return sink(from, refusal, ctx);
  }
}
