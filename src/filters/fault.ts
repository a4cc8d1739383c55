import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { ConnectError, TransportError } from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { InjectedFault } from '../core/injected-fault.ts';
import { sleep } from '../core/sleep.ts';
import type { ResolvedFault } from './fault-options.ts';

const BODY = Buffer.from('this response was injected, nothing was sent');

/**
 * Holds attempts up, or lets them fail unsent. To all layers above these are faults of the endpoint like any other: they are timed out, retried, counted against
 * it. Only the counter `faults_injected`, the span and the report of the attempt tell.
 */
export function fault<Req, Res>(options: ResolvedFault, { http, requestHeader }: Binding<Req, Res>): Filter<Req, Res> {
  const { delayMs, delayRatio, abort, abortRatio, header } = options;

  return (next, { target, clock, random, metrics }) => {
    const injected = (kind: string) => metrics.counter('faults_injected', { service: target, fault: kind });
    const delays = injected('delay');
    const aborts = injected(String(abort));

    const fail = (req: Req, ctx: Context): Res => {
      const endpoint = ctx.endpoint?.id;
      if (abort === 'refused') throw new ConnectError(target, endpoint, new InjectedFault(abort));
      if (abort === 'reset') throw new TransportError(target, endpoint, new InjectedFault(abort));
      if (abort === false || http === undefined) throw new Error('there is no fault to inject'); // never: a status is left out where no HTTP is spoken
      ctx.end();
      return http.respond({ status: abort, headers: { 'content-type': 'text/plain' }, body: BODY }, req, ctx);
    };

    const inject = async (req: Req, ctx: Context, delayed: number | false, aborted: boolean): Promise<Res> => {
      ctx.note({ fault: [...(delayed === false ? [] : ['delay']), ...(aborted ? [String(abort)] : [])].join(', ') });
      if (delayed !== false) {
        delays.add();
        await sleep(clock, delayed, ctx);
      }
      if (!aborted) return next(req, ctx);
      aborts.add();
      return fail(req, ctx);
    };

    return (req, ctx) => {
      if (header !== false && requestHeader(req, header) === undefined) return next(req, ctx);
      const delayed = delayMs !== false && random() < delayRatio && delayMs;
      const aborted = abort !== false && random() < abortRatio;
      return delayed === false && !aborted ? next(req, ctx) : inject(req, ctx, delayed, aborted);
    };
  };
}
