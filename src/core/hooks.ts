import type { Context } from './context.ts';
import type { Observer, Scope } from './filter.ts';
import { FilterFaults } from './filter-faults.ts';

/** An observer with its place in a stack. */
export interface Placed<Req, Res> {
  readonly role: string;
  readonly observer: Observer<Req, Res>;
}

/** One that has something to do. */
interface Starting<Req, Res> {
  readonly observer: Observer<Req, Res>;
  readonly start: NonNullable<Observer<Req, Res>['start']>;
  readonly faults: FilterFaults;
  /** How many that look at replies stand outside of it. */
  readonly outside: number;
}
interface Hearing<Req, Res> {
  readonly observer: Observer<Req, Res>;
  readonly success: Observer<Req, Res>['success'];
  readonly failure: Observer<Req, Res>['failure'];
  readonly faults: FilterFaults;
}

/**
 * The hooks of observers, the outermost first on the way down and last on the way up. One that throws is told as a fault, and the others do not notice.
 */
export class Hooks<Req, Res> {
  // One list for each way, of objects of one shape: observers are of as many shapes as there are of them.
  readonly #starting: readonly Starting<Req, Res>[];
  readonly #hearing: readonly Hearing<Req, Res>[];

  constructor(placed: readonly Placed<Req, Res>[], scope: Scope) {
    const starting: Starting<Req, Res>[] = [];
    const hearing: Hearing<Req, Res>[] = [];
    for (const { role, observer } of placed) {
      const { start, success, failure } = observer;
      const faults = new FilterFaults(role, scope);
      if (start !== undefined) starting.push({ observer, start, faults, outside: hearing.length });
      if (success !== undefined || failure !== undefined) hearing.push({ observer, success, failure, faults });
    }
    this.#starting = starting;
    this.#hearing = hearing;
  }

  /** Whether nobody here looks at replies. */
  get blind(): boolean {
    return this.#hearing.length === 0;
  }

  /** Tells them of a call. Gives the error that one of them refuses it with, which those outside of it are told of. */
  start(req: Req, ctx: Context): Error | undefined {
    for (const { observer, start, faults, outside } of this.#starting) {
      let given: unknown;
      try {
        given = start.call(observer, req, ctx);
      } catch (error) {
        faults.report('hook', error);
      }
      const refusal = given === undefined ? undefined : errorOf(given, faults);
      if (refusal === undefined) continue;
      this.fail(refusal, ctx, outside);
      return refusal;
    }
    return undefined;
  }

  /** Tells them of a response. Gives the error that one of them put in its place, which those outside of it are told of. */
  succeed(res: Res, ctx: Context): Error | undefined {
    for (let i = this.#hearing.length - 1; i >= 0; i--) {
      const { observer, success, faults } = this.#hearing[i] as Hearing<Req, Res>; // it is within
      let given: unknown;
      try {
        given = success?.call(observer, res, ctx);
      } catch (error) {
        faults.report('hook', error);
      }
      const failure = given === undefined ? undefined : errorOf(given, faults);
      if (failure === undefined) continue;
      this.fail(failure, ctx, i);
      return failure;
    }
    return undefined;
  }

  /** Tells the first `count` of those that look at replies of a failure. */
  fail(thrown: unknown, ctx: Context, count: number = this.#hearing.length): void {
    for (let i = count - 1; i >= 0; i--) {
      const { observer, failure, faults } = this.#hearing[i] as Hearing<Req, Res>; // it is within
      try {
        const given: unknown = failure?.call(observer, thrown, ctx);
        // One that is `async` has the type of one that is not.
        if (given instanceof Promise) given.catch((error: unknown) => faults.report('hook', error));
      } catch (error) {
        faults.report('hook', error);
      }
    }
  }
}

/** What a hook gave, where it is an error. Compilers see to that; not all code is compiled. */
function errorOf(given: unknown, faults: FilterFaults): Error | undefined {
  if (given instanceof Error) return given;
  if (given instanceof Promise) given.catch((error: unknown) => faults.report('hook', error));
  faults.report('hook', new TypeError('a hook of an observer gives an error or nothing'));
  return undefined;
}
