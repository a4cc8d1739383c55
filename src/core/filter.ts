import type { Clock } from './clock.ts';
import type { Context } from './context.ts';
import type { Events } from './events.ts';
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

/** The hook by which an observer bounds its calls; not a name, so that no observer of an application has it by chance. @internal */
export const LATE: unique symbol = Symbol('late');

/** The hooks of a filter that looks at a call and does not change it. They are not awaited. */
export interface Observer<Req, Res> {
  /** Before the call goes down. An error returned refuses the call with that error. */
  start?(req: Req, ctx: Context): Hooked;
  /** After a response. An error returned takes the place of the response for all layers outside. */
  success?(res: Res, ctx: Context): Hooked;
  failure?(error: unknown, ctx: Context): void;
  /**
   * An observer with this one bounds the call: when it is cancelled it has failed for all layers outside, whatever those inside do then. Given the
   * response that comes after all.
   *
   * @internal
   */
  [LATE]?(res: Res, ctx: Context): void;
}
