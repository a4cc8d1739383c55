import CachePolicy from 'http-cache-semantics';
import type { Clock } from '../core/clock.ts';
import type { MadeResponse } from '../core/http-binding.ts';
import { type Directives, directivesOf } from './cache-control.ts';
import { type Asked, answerFor, flat, forbidsOld, insists, isForKnown, namesIn, requestFor } from './cache-headers.ts';

/** The head of an answer. */
export type Head = Pick<MadeResponse, 'status' | 'headers'>;

/** What a kept answer is to a request: good as it is; old, and good all the same; or to be asked after with these headers. */
export type Standing =
  | { readonly is: 'fresh' }
  | { readonly is: 'stale'; readonly refresh: readonly string[] | undefined }
  | { readonly is: 'doubtful'; readonly validators: readonly string[] };

/** What is known of one kept answer by its head, and by the request that it was given to. */
export interface Terms {
  /** Headers of requests by which answers differ. */
  readonly vary: readonly string[];
  /** Whether a request that says who makes it may have it. */
  readonly forKnown: boolean;
  standing(asked: Asked): Standing;
  /** Whether it may be given in the place of a response of this status. */
  insteadOf(status: number, asked: Asked): boolean;
  /** Whether a 304 with this head, to a request with its validators, is about another answer. */
  denied(head: Head, asked: Asked): boolean;
  /** Its headers, of those that it came with, as they are given now: with its age. */
  headers(own: MadeResponse['headers']): MadeResponse['headers'];
}

/** What may be done with an answer to a request that was sent at `startedAt`; `undefined` when it may not be kept. */
export type Rules = (asked: Asked, head: Head, startedAt: number) => Terms | undefined;

/** Nothing is fresh by guess: an answer that does not say for how long it is good is kept only where it can be asked after. */
const OPTIONS = { shared: true, cacheHeuristic: 0, immutableMinTimeToLive: 0 };

/** RFC 9111 as http-cache-semantics knows it, for a cache that many users share, in the time of the mesh. */
export function createRules(clock: Clock): Rules {
  // Ages are measured, so that no jump of the clock makes an answer young or old.
  const offset = clock.wall() - clock.now();
  let born: number | undefined;
  class Policy extends CachePolicy {
    override now(): number {
      return offset + (born ?? clock.now());
    }
  }

  return (asked, head, startedAt) => {
    const given = flat(head.headers);
    const vary = namesIn(given['vary']);
    // A cookie is for one, whatever else is said.
    if (vary.includes('*') || given['set-cookie'] !== undefined) return undefined;
    const control = directivesOf(given['cache-control']);
    const headers = answerFor(given, control, clock.wall());
    // The time on the way is part of its age.
    born = startedAt;
    let policy: CachePolicy;
    try {
      policy = new Policy(requestFor(asked), { status: head.status, headers }, OPTIONS);
    } finally {
      born = undefined;
    }
    if (!policy.storable()) return undefined;
    const validated = headers['etag'] !== undefined || headers['last-modified'] !== undefined;
    if (!validated && policy.timeToLive() <= 0) return undefined;
    return termsOf(policy, { vary, control, date: headers['date'] });
  };
}

interface Known {
  readonly vary: readonly string[];
  readonly control: Directives;
  readonly date: string | undefined;
}

function termsOf(policy: CachePolicy, { vary, control, date }: Known): Terms {
  /** Whether no request may have it when it is old, even one that would. */
  const firm = forbidsOld(control) || control.has('s-maxage');
  const validatorsFor = (asked: Asked): readonly string[] => {
    const headers = policy.revalidationHeaders(requestFor(asked));
    return ['if-none-match', 'if-modified-since'].flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [name, value];
    });
  };
  return {
    vary,
    forKnown: isForKnown(control),
    standing(asked) {
      const { response, revalidation } = policy.evaluateRequest(requestFor(asked, firm));
      if (response === undefined) return { is: 'doubtful', validators: validatorsFor(asked) };
      if (revalidation !== undefined) return { is: 'stale', refresh: validatorsFor(asked) };
      return policy.stale() ? { is: 'stale', refresh: undefined } : { is: 'fresh' };
    },
    insteadOf: (status, asked) =>
      !insists(asked) && !policy.revalidatedPolicy(requestFor(asked), { status, headers: {} }).modified,
    denied({ status, headers }, asked) {
      const given = flat(headers);
      // One without a validator can only mean the one that it was asked about.
      if (given['etag'] === undefined && given['last-modified'] === undefined) return false;
      return !policy.revalidatedPolicy(requestFor(asked), { status, headers: given }).matches;
    },
    headers(own) {
      const now = policy.responseHeaders();
      const names = Object.keys(now).filter((name) => name in own);
      const kept = Object.fromEntries(names.map((name) => [name, own[name]]));
      return { ...kept, date, age: String(now['age']) };
    },
  };
}

/** What a 304 says of a body that it does not have. */
const OF_BODIES: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'transfer-encoding',
]);

/** What was kept, with what the 304 says in the place of what was said before. */
export function refreshed(kept: MadeResponse, { headers }: Head): MadeResponse {
  const before = Object.entries(kept.headers).filter(([name]) => name !== 'age' && name !== 'date');
  const now = Object.entries(headers).filter(([name]) => !OF_BODIES.has(name));
  return { ...kept, headers: Object.fromEntries([...before, ...now]) };
}
