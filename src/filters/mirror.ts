import type { Binding } from '../core/binding.ts';
import type { Context } from '../core/context.ts';
import type { Filter } from '../core/filter.ts';
import type { Service } from '../core/service.ts';
import { failed } from '../core/verdict.ts';
import type { InFlight } from './concurrency.ts';
import type { ResolvedMirror } from './mirror-options.ts';

interface Parts<Req, Res> {
  readonly binding: Binding<Req, Res>;
  /** The stack of another service. */
  readonly other: (service: string) => Service<Req, Res>;
  /** The copies that are under way, whichever client made the calls. */
  readonly copies: InFlight;
}

/**
 * Sends copies of a share of the calls to another service, and lets nobody wait for them: each goes out when its call has, is tried once, matters least, and
 * its answer is read and dropped. Beyond the limit none is made. Whatever becomes of a copy, its call does not notice.
 */
export function mirror<Req, Res>(
  options: ResolvedMirror,
  { binding, other, copies }: Parts<Req, Res>,
): Filter<Req, Res> {
  const { service, ratio, concurrency, methods } = options;
  const { http } = binding;
  // A function is given the same request for each attempt, whatever that is; and of its response nothing is still to come.
  const copyOf = (req: Req): { readonly req: Req } | undefined => {
    if (http === undefined) return { req };
    const copied = http.copy(req);
    return copied === undefined ? undefined : { req: copied };
  };
  const drop = (res: Res) => (http === undefined ? binding.discard(res) : http.drain(res));

  return (next, { target, clock, random, metrics, events }) => {
    if (service === target) return next;
    const send = other(service);
    const dropped = (reason: string) => metrics.counter('mirrors_dropped', { service: target, reason });
    const beyond = dropped('concurrency');
    const unread = dropped('body');
    const ended = (outcome: string) => metrics.counter('mirrors', { service: target, outcome });
    const succeeded = ended('success');
    const rejected = ended('failure');

    const copy = (req: Req, ctx: Context): void => {
      if (copies.running >= concurrency) {
        beyond.add();
        return;
      }
      const same = ctx.streamed ? undefined : copyOf(req);
      if (same === undefined) {
        unread.add();
        return;
      }
      const call = ctx.another(service, clock.now());
      call.note({ made: true, cache: 'bypass' });
      call.maxAttempts = 1;
      call.priority = 'sheddable';
      // Whoever waits for the call does not wait for this.
      call.deadline = Number.POSITIVE_INFINITY;
      copies.running++;
      call.onEnd(() => copies.running--);
      send(same.req, call).then(
        (res) => {
          if (failed(call.verdict)) rejected.add();
          else succeeded.add();
          drop(res);
        },
        (error: unknown) => {
          rejected.add();
          call.end(error);
        },
      );
    };

    return (req, ctx) => {
      const reply = next(req, ctx);
      if (ctx.noted.made === true || (methods === 'idempotent' && !ctx.idempotent)) return reply;
      try {
        if (random() < ratio) copy(req, ctx);
      } catch (error) {
        events.emit('fault', { source: `mirror of '${target}'`, error });
      }
      return reply;
    };
  };
}
