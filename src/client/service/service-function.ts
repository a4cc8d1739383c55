import { attachCall } from '../../core/call-of.ts';
import { FilterFaults } from '../../core/filter-faults.ts';
import type { OwnAnswer } from '../../core/own-answer.ts';
import { assembler } from '../assemble.ts';
import { type CallLimits, checkLimits, narrow } from '../call-limits.ts';
import { clientError } from '../client-error.ts';
import type { PlacedFilter } from '../filter-stack.ts';
import type { Parts } from '../parts.ts';
import { startCall } from '../start-call.ts';
import type { Target } from '../target.ts';
import { asking } from './asking.ts';
import { type Send, sendBinding } from './binding.ts';
import type { SendHooks } from './send-options.ts';

/**
 * Calls a service through the function that was given: each call is one attempt or several. Rejects with what the function threw; with a `MeshError`
 * when the mesh refused the call or gave it up.
 */
export type ServiceFunction<Req, Res> = (request: Req, limits?: CallLimits) => Promise<Res>;

interface FunctionParts<Req, Res> {
  readonly service: string;
  readonly send: Send<Req, Res>;
  readonly options: SendHooks<Req, Res>;
  /** What failed calls are answered with. */
  readonly answer: OwnAnswer<Req, Res> | undefined;
  readonly filters: readonly PlacedFilter<Req, Res>[];
  /** Asked at each call, so that a mesh that closed can refuse it. */
  readonly target: () => Target;
  readonly parts: Parts;
}

/** The same stack that clients have, around any asynchronous function. */
export function serviceFunction<Req, Res>({
  service,
  send,
  options,
  answer,
  filters,
  target: targetOf,
  parts,
}: FunctionParts<Req, Res>): ServiceFunction<Req, Res> {
  const faultsOf = (name: string) => new FilterFaults(name, { ...parts, target: service });
  const binding = sendBinding(send, asking(options, faultsOf), answer, parts.clock);
  const serviceFor = assembler(() => binding, parts, filters);

  return async (request, limits) => {
    const target = targetOf();
    if (limits !== undefined) checkLimits(limits);
    const built = serviceFor(target);
    const ctx = startCall(parts, target, binding, request, limits?.signal);
    if (limits !== undefined) narrow(ctx, limits);
    try {
      const response = await built(request, ctx);
      // Nobody is to believe that all is well. One object may be the answer to several calls.
      const { fallback, notRetried } = ctx.noted;
      if (fallback !== undefined || notRetried !== undefined) attachCall(response, ctx, 'latest');
      return response;
    } catch (error) {
      throw error instanceof Error ? clientError(error, ctx) : error;
    }
  };
}
