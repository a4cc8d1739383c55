import type { Filter, Observer, Scope } from './filter.ts';
import { joined } from './joined.ts';

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
