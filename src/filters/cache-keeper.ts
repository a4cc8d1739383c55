import type { Context } from '../core/context.ts';
import type { FilterFaults } from '../core/filter-faults.ts';
import type { MadeResponse, WholeResponses } from '../core/http-binding.ts';
import type { AnswerCache, Asking, KeptAnswer } from './answer-cache.ts';
import { type Asked, saysWho, withAdded } from './cache-headers.ts';
import { type Head, type Rules, refreshed, type Standing } from './cache-rules.ts';

interface Found {
  readonly kept: KeptAnswer;
  readonly standing: Standing;
}

/** A call that asked the service, and what was known when it did. */
export interface Sent {
  readonly asked: Asked;
  readonly ctx: Context;
  readonly asking: Asking;
  /** The answer that was asked after, if one was. */
  readonly old: KeptAnswer | undefined;
}

interface Parts<Req, Res> {
  readonly answers: AnswerCache;
  readonly rules: Rules;
  readonly whole: WholeResponses<Req, Res>;
  readonly maxEntryBytes: number;
  readonly faults: FilterFaults;
}

/** What stands between calls and kept answers: nothing that headers say makes it throw. */
export interface Keeper<Res> {
  /** The kept answer to a request, and what it is good for. */
  find(asked: Asked): Found | undefined;
  /** It as it is given now. */
  giving(kept: KeptAnswer): MadeResponse;
  /** Whether the old one may be given in the place of a response of this status. */
  insteadOf(status: number, sent: Sent): boolean;
  /** Keeps a response, if it may be kept. */
  came(sent: Sent, res: Res): void;
  /** Makes of a 304 what it stands for; `undefined`, and nothing kept, when it is about another answer than was asked after. */
  unchanged(sent: Sent, res: Res): MadeResponse | undefined;
}

export function createKeeper<Req, Res>({ answers, rules, whole, maxEntryBytes, faults }: Parts<Req, Res>): Keeper<Res> {
  const tried = <T>(run: () => T): T | undefined => {
    try {
      return run();
    } catch (error) {
      faults.report('hook', error);
      return undefined;
    }
  };

  const giving = ({ made, terms }: KeptAnswer): MadeResponse => ({
    ...made,
    headers: tried(() => terms.headers(made.headers)) ?? made.headers,
  });

  /** Keeps what an attempt was answered with, with the headers that it really had. */
  const keep = ({ asked, ctx, asking, old }: Sent, head: Head, made: () => MadeResponse): KeptAnswer | undefined => {
    const { headers, startedAt } = ctx.previous ?? ctx;
    const sent = { ...asked, headers: withAdded(asked.own, headers) };
    const terms = asking.changed ? undefined : tried(() => rules(sent, head, startedAt));
    if (terms === undefined) {
      if (old !== undefined) answers.forget(asked, old);
      return undefined;
    }
    const kept: KeptAnswer = { made: made(), terms, refreshing: false };
    answers.keep(sent, kept);
    return kept;
  };

  return {
    find(asked) {
      const kept = answers.find(asked);
      if (kept === undefined || (saysWho(asked) && !kept.terms.forKnown)) return undefined;
      const standing = tried(() => kept.terms.standing(asked));
      if (standing === undefined) answers.forget(asked, kept);
      return standing && { kept, standing };
    },
    giving,
    insteadOf: (status, { asked, old }) => tried(() => old?.terms.insteadOf(status, asked)) ?? false,
    came(sent, res) {
      const { asked, ctx, old } = sent;
      // Who shares a request leaves it to the first; and what failed is no answer.
      if (ctx.noted.shared === true || ctx.verdict !== 'success') return;
      if (whole.length(res) <= maxEntryBytes) keep(sent, whole.head(res), () => whole.copy(res));
      else if (old !== undefined) answers.forget(asked, old);
    },
    unchanged(sent, res) {
      const { asked, old } = sent;
      const head = whole.head(res);
      if (old === undefined) return undefined;
      if (tried(() => old.terms.denied(head, asked)) !== false) {
        answers.forget(asked, old);
        return undefined;
      }
      const made = refreshed(old.made, head);
      const kept = keep(sent, made, () => made);
      return kept === undefined ? made : giving(kept);
    },
  };
}
