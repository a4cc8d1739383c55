import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import { FallbackError, type MeshError, messageOf } from '../core/errors.ts';
import type { Scope } from '../core/filter.ts';
import type { FallenBack } from '../core/notes.ts';
import type { Service } from '../core/service.ts';
import { failed } from '../core/verdict.ts';
import { sent } from './inner-call.ts';
import { within } from './within.ts';

/** A response: of a function it may be anything, `undefined` too. */
interface Given<Res> {
  readonly res: Res;
}

/** How a call ended that failed. */
export interface Failure<Res> {
  readonly error: MeshError;
  /** The response that said so, if one did. */
  readonly bad: Given<Res> | undefined;
}

/** One way to answer a failed call; `undefined` when it has no answer. */
export interface Source<Req, Res> {
  readonly to: FallenBack['to'];
  answer(req: Req, ctx: Context, failure: Failure<Res>): Promise<Given<Res> | undefined> | Given<Res> | undefined;
}

/** What differs between kinds of clients: which of their responses are failures that something else may stand in for, and how they are answered here. */
export interface Answering<Req, Res> {
  /** Whether the server is well, and says no with it. */
  isRefusal(res: Res): boolean;
  /** What the service did that gave it, in words. */
  words(res: Res): string;
  /** What needs no other service, in order. */
  readonly sources: readonly Source<Req, Res>[];
  /** Is shown each response that is the answer. */
  keep?(req: Req, ctx: Context, res: Res): void;
}

export interface FallbackParts<Req, Res> {
  readonly binding: Binding<Req, Res>;
  /** The stack of another service. */
  readonly other: (service: string) => Service<Req, Res>;
}

/** Sends the request to another service, when that runs nothing twice that must not be. */
export function otherService<Req, Res>(
  service: string,
  { binding, other }: FallbackParts<Req, Res>,
  { clock }: Scope,
): Source<Req, Res> {
  const send = other(service);
  return {
    to: 'service',
    async answer(req, ctx, { error }) {
      if (ctx.streamed || !ctx.replayable) return undefined;
      if (!ctx.idempotent && error.resend !== 'safe' && sent(ctx)) return undefined;
      const now = clock.now();
      if (ctx.deadline <= now) return undefined;
      const call = ctx.another(service, now);
      call.note({ made: true });
      ctx.onCancel((reason) => call.cancel(reason));
      let res: Res;
      try {
        res = await send(req, call);
      } catch (failure) {
        call.end(failure);
        return undefined;
      }
      if (failed(call.verdict)) {
        binding.discard(res);
        return undefined;
      }
      call.note({ fallback: { to: 'service', because: messageOf(error) } });
      ctx.endWith(call);
      return { res };
    },
  };
}

/** How an answer is made of a failure. */
interface Making<Req, Res, Made> {
  /** `undefined` when there is none. It may throw. */
  make(req: Req, ctx: Context, failure: Failure<Res>): Made | undefined | Promise<Made | undefined>;
  /** What was made, as the client gives it. */
  respond(made: Made, req: Req, ctx: Context): Res;
  /** How long it may take. */
  readonly limitMs: number;
}

/** Answers with what is made of the failure. */
export function madeAnswer<Req, Res, Made>(
  { make, respond, limitMs }: Making<Req, Res, Made>,
  { target, clock, events }: Scope,
): Source<Req, Res> {
  return {
    to: 'answer',
    async answer(req, ctx, failure) {
      try {
        // Time that was handed over is not exceeded: with none left, what is at hand is still given.
        const leftMs = Math.max(0, Math.min(limitMs, ctx.deadline - clock.now()));
        const given = make(req, ctx, failure);
        const made = given instanceof Promise ? await within(given, leftMs, clock, ctx) : given;
        if (made === undefined) return undefined;
        if (ctx.cancelled === undefined) ctx.end();
        return { res: respond(made, req, ctx) };
      } catch (thrown) {
        if (ctx.cancelled !== undefined) throw thrown;
        events.emit('fault', { source: `fallback of '${target}'`, error: thrown });
        throw new FallbackError(target, thrown, failure.error);
      }
    },
  };
}
