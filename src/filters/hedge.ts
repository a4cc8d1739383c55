import type { Binding } from '../core/binding.ts';
import type { Timer } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { MeshError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { failed } from '../core/verdict.ts';
import type { Hedging } from './hedging.ts';
import type { Elsewhere } from './retry.ts';

/** What is sent without a body: a body cannot be read for two attempts at the same time. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Sends the first attempt of a call to a second endpoint as well when it takes longer than nearly all did of late. The first good answer is that of
 * the call; the attempt that it overtook is cancelled, and says nothing about its endpoint. One that fails while the other is under way is
 * not waited for.
 *
 * Silent until a hundred calls were answered; only for idempotent requests without a body, and never for one that is itself a retry.
 */
export function hedge<Req, Res>(hedging: Hedging, binding: Binding<Req, Res>, elsewhere: Elsewhere): Filter<Req, Res> {
  return (next, { clock, metrics, target }) => {
    const sent = metrics.counter('hedges', { service: target });
    const won = metrics.counter('hedges_won', { service: target });
    const unpaid = metrics.counter('hedges_refused', { service: target, reason: 'budget' });
    const nowhere = metrics.counter('hedges_refused', { service: target, reason: 'endpoints' });
    const overtaken = new OvertakenError(target);

    /** Whether a second attempt may be sent now. The budget is asked last: what it gives is used. */
    const granted = (first: Context, now: number): boolean => {
      if (!elsewhere(first.root, now)) nowhere.add();
      else if (!hedging.granted(now)) unpaid.add();
      else return true;
      return false;
    };

    const race = (req: Req, first: Context, afterMs: number): Promise<Res> =>
      new Promise((resolve, reject) => {
        let running = 0;
        let second: Context | undefined;
        let over = false;
        let timer: Timer | undefined;
        const finish = (winner: Context) => {
          over = true;
          timer?.cancel();
          if (winner === first) {
            second?.cancel(overtaken);
          } else {
            first.note({ standIn: winner });
            first.cancel(overtaken);
          }
        };
        const send = (attempt: Context) => {
          running++;
          next(req, attempt).then(
            (res) => {
              running--;
              // Not the last word while the other may do better; and too late when the other was.
              if (over || (running > 0 && failed(attempt.verdict))) {
                binding.discard(res);
                return;
              }
              finish(attempt);
              if (attempt.verdict === 'success') {
                hedging.add(attempt.finishedAt - first.startedAt);
                if (attempt === second) won.add();
              }
              resolve(res);
            },
            (error: unknown) => {
              running--;
              // Whoever is above ends the attempt that it hears of.
              if (over || running > 0) {
                attempt.end(error);
                return;
              }
              finish(attempt);
              reject(error);
            },
          );
        };
        send(first);
        const sendAgain = (call: Context) => {
          const now = clock.now();
          if (over || call.cancelled !== undefined || !granted(first, now)) return;
          sent.add();
          second = call.fork(now);
          send(second);
        };
        timer = clock.at(first.startedAt + afterMs, sendAgain, first.root);
      });

    return (req, first) => {
      if (!hedgeable(first, binding)) return next(req, first);
      const afterMs = hedging.begin(first.startedAt);
      if (afterMs !== undefined) return race(req, first, afterMs);
      return next(req, first).then((res) => {
        if (first.verdict === 'success') hedging.add(first.finishedAt - first.startedAt);
        return res;
      });
    };
  };
}

function hedgeable(
  { attempt, idempotent, operation, retried, root }: Context,
  { bodiless = false }: Pick<Binding<never, never>, 'bodiless'>,
): boolean {
  const whole = bodiless || BODILESS.has(operation);
  return attempt === 1 && idempotent && whole && !retried && !root.streamed && root.maxAttempts !== 1;
}

/** Why an attempt is given up that another overtook. Never the outcome of a call. */
class OvertakenError extends MeshError {
  constructor(service: string) {
    super('MESH_CANCELLED', `another attempt at '${service}' was answered first`, {
      resend: 'never',
      service,
      stack: false,
    });
  }
}
