import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import {
  AttemptTimeoutError,
  DeadlineError,
  isMeshError,
  MeshError,
  MisdirectedError,
  RefusedError,
  softlyRefused,
} from '../core/errors.ts';
import type { Filter } from '../core/filter.ts';
import { ofOverload } from '../core/nack.ts';
import { observe } from '../core/observe.ts';
import { failed, type Verdict } from '../core/verdict.ts';

/**
 * Decides what the outcome of an attempt means, for everybody above.
 *
 * A server of the mesh that refuses before it works says so with `mesh-nack`: its answer becomes an error that is safe to send again, and
 * the body of the refusal is discarded.
 */
export function classify<Req, Res>(binding: Binding<Req, Res>): Filter<Req, Res> {
  return observe(({ clock, target }) => ({
    success(res, ctx) {
      ctx.finishedAt = clock.now();
      ctx.verdict ??= binding.verdict(res); // a filter further in may have said it
      if (!failed(ctx.verdict)) return undefined;
      const nack = binding.header?.(res, 'mesh-nack');
      if (nack === undefined) return undefined;
      const pause = binding.header?.(res, 'retry-after');
      binding.discard(res);
      const id = ctx.endpoint?.id;
      const refusal =
        nack === 'misdirected'
          ? new MisdirectedError(target, id)
          : new RefusedError(
              target,
              reasonOf(nack, ctx),
              `'${target}' (${id}) refused the call before working on it: ${nack}`,
              id,
            );
      if (refusal instanceof RefusedError) refusal.retryAfter = pause;
      judge(refusal, ctx);
      return refusal;
    },
    failure(error, ctx) {
      ctx.finishedAt = clock.now();
      ctx.error = error;
      ctx.verdict ??= verdictOfError(error, ctx);
    },
  }));
}

function reasonOf(nack: string, ctx: Context): RefusedError['reason'] {
  if (ofOverload(nack)) return 'overload';
  // One that the attempt asked for says nothing; any other is of a server that cannot do its work.
  return nack === 'busy' && ctx.limit !== undefined ? 'busy' : 'nack';
}

/** Taken out for it, an overloaded server would idle while its load falls on the others; a breaker would refuse what it can still serve. */
function overloaded(error: unknown): boolean {
  return error instanceof RefusedError && error.reason === 'overload';
}

function judge(error: unknown, ctx: Context): void {
  ctx.error = error;
  ctx.verdict = verdictOfError(error, ctx);
}

/**
 * What was taken back from above, and what never was the endpoint's doing (a request that the client library finds invalid), says nothing.
 * Two cuts do: the limit of the attempt itself, and the service's own deadline when this one attempt had all of it.
 */
function verdictOfError(error: unknown, ctx: Context): Verdict {
  const cut = ctx.cancelled;
  if (cut instanceof DeadlineError && cut.limitedBy === 'service' && ctx.counted <= 1) return 'failure';
  if (cut !== undefined && !(cut instanceof AttemptTimeoutError)) return 'ignorable';
  if (softlyRefused(error)) return 'ignorable';
  if (overloaded(error)) return 'ignorable';
  if (!isMeshError(error) || error.code === 'MESH_CONFIG' || error.code === 'MESH_CLOSED') return 'ignorable';
  return error.resend === 'never' ? 'failure' : 'retryable';
}

function ofService({ limitedBy }: DeadlineError): boolean {
  return limitedBy === 'service' || limitedBy === 'redirects';
}

/** The verdict on a whole call that ended in an error, where its last attempt was not `ignorable`. */
export function verdictOnCall(error: unknown): Verdict {
  if (!(error instanceof MeshError)) return 'ignorable';
  switch (error.code) {
    case 'MESH_CONFIG':
    case 'MESH_CANCELLED':
    case 'MESH_CLOSED':
    case 'MESH_BREAKER_OPEN':
    case 'MESH_NO_ENDPOINTS':
      return 'ignorable';
    case 'MESH_DEADLINE':
      // Time that was handed over says how patient the caller is, not how the service does.
      return error instanceof DeadlineError && ofService(error) ? 'failure' : 'ignorable';
    case 'MESH_REFUSED':
      return error.resend === 'safe' ? 'failure' : 'ignorable';
    default:
      return 'failure';
  }
}
