import type { IncomingMessage } from 'node:http';
import { isServiceName } from '../../core/check.ts';
import type { Clock } from '../../core/clock.ts';
import type { Events } from '../../core/events.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import { Admission } from './admission.ts';
import { CallerRates } from './caller-rates.ts';
import type { ResolvedInbound } from './limit-options.ts';

interface LimitParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly events: Events;
}

/** The limits that a request has to pass; `undefined` where there is none. */
export interface InboundLimits {
  readonly admission: Admission | undefined;
  /** Whether the request is behind no limit. Never throws. */
  exempt(req: IncomingMessage): boolean;
  /** Milliseconds until the caller of the request may come again; 0 when it may now. */
  waitMs(req: IncomingMessage, caller: string | undefined): number;
}

/** What the options ask for; `undefined` for nothing, so that a request costs nothing more. */
export function createLimits({ limit, rate, exempt }: ResolvedInbound, parts: LimitParts): InboundLimits | undefined {
  if (limit === false && rate === false) return undefined;
  const { clock, events } = parts;
  const rates = rate === false ? undefined : new CallerRates(rate);
  let told = false;
  return {
    admission: limit === false ? undefined : new Admission(limit, parts),
    exempt(req) {
      try {
        return exempt(req) === true;
      } catch (error) {
        if (!told) events.emit('fault', { source: 'inbound.exempt', error });
        told = true;
        return false;
      }
    },
    waitMs(req, caller) {
      if (rates === undefined) return 0;
      // A stranger goes by its address; what is no name of a service is none of the mesh.
      return rates.take(isServiceName(caller) ? caller : (req.socket.remoteAddress ?? ''), clock.now());
    },
  };
}
