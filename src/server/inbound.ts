import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { type Ambient, keptForLater, runAmbient } from '../core/ambient.ts';
import type { Clock } from '../core/clock.ts';
import { InboundRequest } from '../core/inbound-request.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Self } from '../core/self.ts';
import type { Setting } from '../core/setting.ts';
import { explainInbound, type InboundExplanation } from './inbound-explanation.ts';
import type { InboundNames } from './inbound-names.ts';
import type { Admission, Admitted } from './limit/admission.ts';
import type { InboundLimits } from './limit/inbound-limits.ts';
import { LoadMeter } from './load-meter.ts';
import { loadReport } from './load-report.ts';
import { NewConnections } from './new-connections.ts';
import { onHead } from './on-head.ts';
import { keptByCaller, one, plainNumber, said, serviceOf } from './request-headers.ts';
import { endOf, onResponseEnd } from './response-end.ts';

/** What the inbound side needs of a mesh. */
export interface InboundParts {
  readonly self: Self;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Reads `mesh-names`; without it that header is passed over. */
  readonly names?: InboundNames | undefined;
  /** How busy the application finds itself; it never throws. Without it only what is counted here is reported. */
  readonly utilisation?: (() => number | undefined) | undefined;
  /** What is refused when there is too much; without it nothing is. */
  readonly limits?: InboundLimits | undefined;
  /** What the application asked for, for `explain`. */
  readonly settings?: readonly Setting[] | undefined;
}

/**
 * Reads what the mesh of the caller wrote on a request, and hands it to the calls that are made while the request is served.
 *
 * - `mesh-target`: a request for another service is refused with 421 and `mesh-nack: misdirected`. The instance it may name is not
 *   compared: a process that restarted on its port is the same service, and serves.
 * - `mesh-timeout-ms`: the time the caller has left, at most an hour of it believed. When none is left the request is refused with 504 and
 *   `mesh-nack: expired`.
 * - `mesh-attempt`: above 1, calls made for the request are not retried again.
 * - `traceparent`, `tracestate`, `baggage`: the trace that these calls belong to, and what travels with it.
 * - `mesh-names`: names that stand for others in these calls, as far as the application allows it.
 * - `mesh-caller`: the response then says with `mesh-load` how many requests this process has in flight, and how long they take, as of the
 *   moment in which its head is written; and when it is a failure, with `mesh-retried`, whether calls made for it were retried in vain, or are not to be
 *   retried by anybody now. Strangers are not told.
 * - `mesh-limit`: when more requests would be in flight with this one, and they take longer than they do when this process is idle, the request is refused with 503
 *   and `mesh-nack: busy`: the caller knows somebody else to ask. Only of a caller of the mesh, and not when its body may be gone by then.
 * - `mesh-priority`: how much the request matters, for the limits here and of those that are called for it. `critical` is believed of callers of the mesh.
 *
 * When the client goes away before the response was given its end, the calls made for the request are cancelled, and `signal` of `mesh.current()` aborts;
 * that signal also aborts when the time is over.
 *
 * With limits, a request beyond them is refused with 503 and `mesh-nack: overloaded`, or with 429 and `mesh-nack: rate`; with a queue it may be served
 * a moment later. The first request of a connection is served, or refused, two turns of the event loop later, and not at all if its client has left by then.
 *
 * A refusal comes before any work, so that the caller may safely send the request elsewhere. What cannot be read is ignored, and all that
 * a stranger can say with these headers narrows its own request.
 *
 * It is a middleware as Express and connect know it, and an `onRequest` hook for Fastify as
 * `(request, reply, done) => inbound(request.raw, reply.raw, done)`.
 */
export interface Inbound {
  (req: Incoming, res: Outgoing, next: (error?: unknown) => void): void;
  /**
   * The same for a plain listener of `node:http` or `node:http2`: it is called, with its `this` and result, unless the request is refused; without its
   * result if later.
   */
  listener<This, Req extends IncomingMessage, Res extends ServerResponse, Result>(
    listener: (this: This, req: Req, res: Res) => Result,
  ): (this: This, req: Req, res: Res) => Result | undefined;
  listener<This, Req extends Http2ServerRequest, Res extends Http2ServerResponse, Result>(
    listener: (this: This, req: Req, res: Res) => Result,
  ): (this: This, req: Req, res: Res) => Result | undefined;
  /** The limits as they are set, and as they stand now. */
  explain(): InboundExplanation;
}

/** A request, and its response, as `node:http` has them or the compatible side of `node:http2`. */
type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

const LONGEST_TIMEOUT_MS = 3_600_000;

/** The inbound side of a mesh. Counts `inbound_requests`, `inbound_refused` by reason, `inbound_abandoned` (by its client), and `inbound_in_flight`. */
export function createInbound(parts: InboundParts): Inbound {
  const { self, clock, metrics, names, utilisation, limits, settings = [] } = parts;
  const requests = metrics.counter('inbound_requests');
  const misdirected = metrics.counter('inbound_refused', { reason: 'misdirected' });
  const expired = metrics.counter('inbound_refused', { reason: 'expired' });
  const busy = metrics.counter('inbound_refused', { reason: 'busy' });
  const tooOften = metrics.counter('inbound_refused', { reason: 'rate' });
  const overloaded = metrics.counter('inbound_refused', { reason: 'overloaded' });
  const abandoned = metrics.counter('inbound_abandoned');
  const meter = new LoadMeter();
  const connections = new NewConnections();
  metrics.gauge('inbound_in_flight', {}, () => meter.inFlight);
  /** What the refusal of a request says of the load: that request is no part of it. */
  const load = () => loadReport(meter, 0, utilisation?.());

  /** What the request says, or `undefined` when it was refused and answered. */
  const enter = (req: IncomingMessage, res: ServerResponse, by: InboundLimits | undefined): Ambient | undefined => {
    requests.add();
    const { headers } = req;
    const target = one(headers, 'mesh-target');
    if (target !== undefined && serviceOf(target) !== self.service) {
      misdirected.add();
      refuse(res, 421, 'misdirected', `this is '${self.service}', and the request is for another service`);
      return undefined;
    }
    const meshed = one(headers, 'mesh-caller') !== undefined;
    const timeoutMs = plainNumber(one(headers, 'mesh-timeout-ms'));
    if (timeoutMs <= 0) {
      expired.add();
      const late = `the request reached '${self.service}' when its time was over`;
      refuse(res, 504, 'expired', late, meshed ? load() : undefined);
      return undefined;
    }
    if (by !== undefined) {
      const waitMs = by.waitMs(req, one(headers, 'mesh-caller'));
      if (waitMs > 0) {
        tooOften.add();
        res.setHeader('retry-after', Math.ceil(waitMs / 1000));
        refuse(res, 429, 'rate', `there are too many requests to '${self.service}' from this caller`);
        return undefined;
      }
    }
    // One that says nothing of its time, or nothing that can be read, has all of it.
    const now = clock.now();
    const deadline = timeoutMs > 0 ? now + Math.min(timeoutMs, LONGEST_TIMEOUT_MS) : Number.POSITIVE_INFINITY;
    const request = new InboundRequest(self.service, deadline, clock, endOf(res));
    if (meshed) {
      const others = meter.inFlight;
      if (others >= plainNumber(one(headers, 'mesh-limit')) && keptByCaller(req) && meter.slow(now)) {
        busy.add();
        refuse(res, 503, 'busy', `'${self.service}' has ${others} requests in flight here`, load());
        return undefined;
      }
      onHead(res, (status) => {
        const head = clock.now();
        const ms = head - now;
        // What fails fast must not pass for fast. One that nobody waits for any more its caller counts as failed; if this process stood still, it is past.
        if (status < 500 && !(ms > timeoutMs)) meter.took(ms, others, head);
        const report = loadReport(meter, 1, utilisation?.());
        const told = report === undefined ? [] : ['mesh-load', report];
        if (status >= 500 && request.triedAgain) told.push('mesh-retried', '1');
        return told;
      });
    }
    meter.inFlight++;
    onResponseEnd(req, res, () => {
      meter.inFlight--;
      if (request.over()) abandoned.add();
    });
    const named = one(headers, 'mesh-names');
    return { ...said(headers), deadline, names: named === undefined ? undefined : names?.(named), request };
  };

  /** Serves a request as soon as there is room for it, or refuses it: gives what `serve` does, if that is at once. */
  const limited = <T>(by: Admission, { req, res, ambient }: Entered, serve: () => T): T | undefined => {
    const { priority = 'default' } = ambient;
    const started = (admitted: Admitted): T | undefined => {
      if (clock.now() >= ambient.deadline) {
        expired.add();
        admitted.ended();
        refuse(res, 504, 'expired', `the time of the request was over before '${self.service}' came to it`);
        return undefined;
      }
      onHead(res, (status) => {
        admitted.answered(status >= 500, clock.now() > ambient.deadline);
        return [];
      });
      onResponseEnd(req, res, admitted.ended);
      return runAmbient(ambient, serve);
    };
    const admitted = by.enter(priority);
    if (admitted !== undefined) return started(admitted);
    const later = keptForLater(started);
    const leave = by.wait(
      priority,
      // By itself, so that what it throws reaches nobody else's request.
      (given) => queueMicrotask(() => later(given)),
      () => {
        overloaded.add();
        // Whoever knows other instances need not wait.
        if (one(req.headers, 'mesh-caller') === undefined) res.setHeader('retry-after', 1);
        refuse(res, 503, 'overloaded', `'${self.service}' has as many requests as it can serve in time`);
      },
    );
    if (leave !== undefined) onResponseEnd(req, res, leave);
    return undefined;
  };
  const run = <T>(incoming: Incoming, outgoing: Outgoing, serve: () => T): T | undefined => {
    // Those of HTTP/2 have the shape of the others in all that is used here.
    const [req, res] = [incoming as IncomingMessage, outgoing as ServerResponse];
    const by = limits === undefined || limits.exempt(req) ? undefined : limits;
    const ambient = enter(req, res, by);
    if (ambient === undefined) return undefined;
    const admission = by?.admission;
    if (admission === undefined) return runAmbient(ambient, serve);
    return connections.serve(req, () => limited(admission, { req, res, ambient }, serve));
  };

  const inbound = (req: Incoming, res: Outgoing, next: (error?: unknown) => void): void => {
    run(req, res, next);
  };
  const listener = <This, Req extends Incoming, Res extends Outgoing, Result>(
    listener: (this: This, req: Req, res: Res) => Result,
  ) =>
    function (this: This, req: Req, res: Res): Result | undefined {
      return run(req, res, () => listener.call(this, req, res));
    };
  const explain = () => explainInbound(settings, meter.inFlight, limits?.admission);
  return Object.assign(inbound, { listener, explain });
}

interface Entered {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly ambient: Ambient;
}

function refuse(res: ServerResponse, status: number, nack: string, reason: string, load?: string): void {
  const body = `${reason}\n`;
  if (load !== undefined) res.setHeader('mesh-load', load);
  res.writeHead(status, { 'content-type': 'text/plain', 'content-length': body.length, 'mesh-nack': nack });
  res.end(body);
}
