import type { Context } from './context.ts';
import { LATE, type Scope } from './filter.ts';
import { Hooks, type Placed } from './hooks.ts';
import { Race } from './race.ts';
import type { Service } from './service.ts';

/**
 * One layer that runs observers around one promise, the outermost first on the way down and last on the way up. At most one of them bounds its calls.
 */
export function joined<Req, Res>(
  next: Service<Req, Res>,
  placed: readonly Placed<Req, Res>[],
  scope: Scope,
): Service<Req, Res> {
  const bound = placed.findIndex(bounds);
  return bound < 0 ? watched(next, new Hooks(placed, scope)) : bounded(next, placed, bound, scope);
}

/** Whether an observer bounds its calls. */
export function bounds<Req, Res>({ observer }: Placed<Req, Res>): boolean {
  return observer[LATE] !== undefined;
}

function watched<Req, Res>(next: Service<Req, Res>, hooks: Hooks<Req, Res>): Service<Req, Res> {
  return (req, ctx) => {
    const refusal = hooks.start(req, ctx);
    if (refusal !== undefined) return Promise.reject(refusal);
    try {
      const reply = next(req, ctx);
      if (hooks.blind) return reply;
      return reply.then(
        (res) => {
          const failure = hooks.succeed(res, ctx);
          if (failure !== undefined) throw failure;
          return res;
        },
        (error: unknown) => {
          hooks.fail(error, ctx);
          throw error;
        },
      );
    } catch (error) {
      // A filter that breaks the rule of a service and throws at once: what was started above still has to be ended.
      hooks.fail(error, ctx);
      return Promise.reject(error);
    }
  };
}

/** Observers around one that bounds the call, and others inside of it. */
function bounded<Req, Res>(
  next: Service<Req, Res>,
  placed: readonly Placed<Req, Res>[],
  bound: number,
  scope: Scope,
): Service<Req, Res> {
  const layer = {
    outside: new Hooks(placed.slice(0, bound + 1), scope),
    inside: new Hooks(placed.slice(bound + 1), scope),
    late: (res: Res, ctx: Context) => placed[bound]?.observer[LATE]?.(res, ctx),
  };
  return (req, ctx) => {
    const refusal = layer.outside.start(req, ctx);
    if (refusal !== undefined) return Promise.reject(refusal);
    const refusedInside = layer.inside.start(req, ctx);
    if (refusedInside !== undefined) {
      layer.outside.fail(refusedInside, ctx);
      return Promise.reject(refusedInside);
    }
    const race = new Race(layer, ctx);
    ctx.onCancel(race);
    try {
      next(req, ctx).then(
        (res) => race.succeed(res),
        (error: unknown) => race.fail(error),
      );
    } catch (error) {
      race.fail(error);
    }
    return race.reply;
  };
}
