import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { ConfigError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import type { MadeResponse } from '../core/http-binding.ts';
import { learn } from './inner-call.ts';
import type { ResolvedSingleFlight } from './single-flight-options.ts';

/** One request under way, for all who asked the same. */
interface Flight {
  /** It is nobody's own: it goes on while anybody waits. */
  readonly ctx: Context;
  /** Gives each who waits an answer of its own. */
  readonly answer: Promise<() => MadeResponse>;
  waiting: number;
}

/** The flights of a service, by what they ask. */
export type Flights = Map<string, Flight>;

/** A call that has more time than a flight can use is not held to it: the flight has this part of it at least. */
const LEAST_TIME = 0.5;

/**
 * Sends GETs that are the same, and made at the same time, once: the first goes out, and the others get what it is answered with. Who gives up, or has no
 * time left, leaves the others; with the last one the request is given up.
 *
 * The same is what has the same path and query, the same headers but those that are said not to matter, and as much standing: its baggage, its priority,
 * how often it may be sent. Only where the client library reads bodies whole: a body that is streamed has one reader.
 */
export function singleFlight<Req, Res>(
  { ignoreHeaders }: ResolvedSingleFlight,
  flights: Flights,
  { http, name }: Binding<Req, Res>,
): Filter<Req, Res> {
  const whole = http?.whole ?? 'never';
  if (whole === 'never')
    throw new ConfigError(
      `singleFlight cannot share what ${name} is answered with, which is a stream: use mesh.client`,
    );
  if (http === undefined || whole === 'stream') return (next) => next;
  const without = new Set(ignoreHeaders);

  const keyOf = (req: Req, { baggage, headers, priority, maxAttempts, retried }: Context): string | undefined => {
    const same = whole.sameAs(req, without);
    if (same === undefined) return undefined;
    // A filter of the application may say whom it is for.
    return JSON.stringify([same, baggage, priority, maxAttempts, retried, ...headers]);
  };

  return (next, { target, clock, metrics }) => {
    const shared = metrics.counter('calls_shared', { service: target });

    const wait = (
      key: string,
      flight: Flight,
      ctx: Context,
      respond: (copy: () => MadeResponse) => Res,
    ): Promise<Res> =>
      new Promise((resolve, reject) => {
        flight.waiting++;
        flight.ctx.deadline = Math.max(flight.ctx.deadline, ctx.deadline);
        let left = false;
        ctx.onCancel((reason) => {
          left = true;
          reject(reason);
          flight.waiting--;
          if (flight.waiting > 0) return;
          if (flights.get(key) === flight) flights.delete(key);
          flight.ctx.cancel(reason);
        });
        flight.answer.then(
          (copy) => {
            if (left) return;
            learn(ctx, flight.ctx, clock.now());
            ctx.end();
            resolve(respond(copy));
          },
          (error: unknown) => {
            if (left) return;
            learn(ctx, flight.ctx, clock.now());
            reject(error);
          },
        );
      });

    return (req, ctx) => {
      const key = keyOf(req, ctx);
      if (key === undefined) return next(req, ctx);
      const now = clock.now();
      const known = flights.get(key);
      if (known !== undefined && known.ctx.deadline - now >= LEAST_TIME * (ctx.deadline - now)) {
        ctx.note({ shared: true });
        shared.add();
        return wait(key, known, ctx, (copy) => http.respond(copy(), req, ctx));
      }
      const flightCtx = ctx.another(target, now);
      flightCtx.span = ctx.span;
      let own: Res;
      const answer = next(req, flightCtx).then(
        (res) => {
          land();
          own = res;
          return () => whole.copy(res);
        },
        (error: unknown) => {
          land();
          flightCtx.end(error);
          throw error;
        },
      );
      const flight: Flight = { ctx: flightCtx, answer, waiting: 0 };
      const land = () => {
        if (flights.get(key) === flight) flights.delete(key);
      };
      flights.set(key, flight);
      return wait(key, flight, ctx, () => own);
    };
  };
}
