import { nodeOf } from '../balancer/node.ts';
import type { Endpoint } from '../core/endpoint.ts';
import type { Filter } from '../core/filter.ts';
import { observe } from '../core/observe.ts';
import { formatTraceparent } from '../telemetry/w3c.ts';

const HEADER_VALUE = /^[\x20-\x7e]*$/;

/**
 * Writes what the next hop should know of this attempt: the trace, the time left as a duration (clocks differ), which attempt it is, how much it matters, how busy
 * whoever takes it may be, who calls, and whom it means: the service that the endpoint was announced as, which is another than the one that
 * was called where names are rewritten. A value that a header cannot carry is left out: it must not fail the call.
 */
export function propagate<Req, Res>(caller: string): Filter<Req, Res> {
  return observe(({ clock }) => ({
    start(_req, ctx) {
      const { trace } = ctx;
      const node = nodeOf(ctx);
      node.meant ??= meant(node.endpoint);
      let timeoutMs: string | undefined;
      if (ctx.deadline !== Number.POSITIVE_INFINITY) {
        const now = ctx.held ? clock.now() : ctx.startedAt;
        timeoutMs = String(Math.max(1, Math.floor(ctx.deadline - now)));
      }
      ctx.addHeaders(usual(caller, node.meant, timeoutMs, trace && formatTraceparent(trace)));

      const { headers } = ctx;
      if (trace !== undefined && trace.state !== '' && HEADER_VALUE.test(trace.state))
        headers.push('tracestate', trace.state);
      if (ctx.baggage !== '' && HEADER_VALUE.test(ctx.baggage)) headers.push('baggage', ctx.baggage);
      // Each header costs a fast client about one hundredth of a call, and the first attempt is what is meant without one.
      // One that was refused as busy was not executed: the server is not to take the next for a retry. But all that is called for a retry is one.
      const attempt = ctx.retried ? Math.max(2, ctx.counted) : ctx.counted;
      if (attempt > 1) headers.push('mesh-attempt', String(attempt));
      if (ctx.limit !== undefined) headers.push('mesh-limit', String(ctx.limit));
      if (ctx.priority !== undefined && ctx.priority !== 'default') headers.push('mesh-priority', ctx.priority);
      return undefined;
    },
  }));
}

/** What nearly every attempt says, as one list: one that grows takes more than twice the room. */
function usual(caller: string, target: string, timeoutMs: string | undefined, parent: string | undefined): string[] {
  if (timeoutMs === undefined) {
    const own = ['mesh-caller', caller, 'mesh-target', target];
    return parent === undefined ? own : [...own, 'traceparent', parent];
  }
  if (parent === undefined) return ['mesh-caller', caller, 'mesh-target', target, 'mesh-timeout-ms', timeoutMs];
  return ['mesh-caller', caller, 'mesh-target', target, 'mesh-timeout-ms', timeoutMs, 'traceparent', parent];
}

function meant({ id, service }: Endpoint): string {
  // Joined, it is one string; a template would keep its parts as well, for every endpoint.
  return HEADER_VALUE.test(id) ? [service, id].join(';') : service;
}
