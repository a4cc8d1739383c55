import { callable, fail, string } from '../core/check.ts';
import { hashOf } from '../core/hash.ts';

/** What a call is, for who chooses the key that it is spread by. */
export interface HashedCall {
  readonly service: string;
  /** The HTTP method. */
  readonly operation: string;
  /** A header of the request, by its name in lower case. */
  header(name: string): string | undefined;
}

/**
 * What the calls of a service are spread by: those with the same value go to the same instance. A function may return `undefined` for a call that any
 * instance may have; what it throws, the call rejects with.
 */
export type HashOn =
  | { readonly header: string }
  | { readonly cookie: string }
  | ((call: HashedCall) => string | undefined);

/** The hash of the key of a call; `undefined` for one without. */
export type HashOfCall = (call: HashedCall) => number | undefined;

interface ResolvedHashOn {
  /** The key itself; `undefined` for a call without one. */
  readonly keyOf: (call: HashedCall) => string | undefined;
  readonly hashOf: HashOfCall;
  /** In words, for `explain`. */
  readonly words: string;
}

export function resolveHashOn(name: string, given: HashOn | undefined): ResolvedHashOn {
  if (typeof given === 'function') {
    const keyOf = callable(name, given);
    return resolved((call) => keyOf(call), 'a function');
  }
  const [[key, value] = ['', ''], ...more]: [string, unknown][] =
    typeof given === 'object' && given !== null ? Object.entries(given) : [];
  if (more.length > 0 || (key !== 'header' && key !== 'cookie'))
    fail(name, '{ header: … }, { cookie: … } or a function', given);
  const wanted = string(`${name}.${key}`, value);
  if (key === 'cookie') return resolved((call) => cookie(call.header('cookie'), wanted), `cookie ${wanted}`);
  const lower = wanted.toLowerCase();
  return resolved((call) => call.header(lower), `header ${lower}`);
}

function resolved(given: (call: HashedCall) => unknown, words: string): ResolvedHashOn {
  const keyOf = (call: HashedCall) => {
    const key = given(call);
    return typeof key === 'string' && key !== '' ? key : undefined;
  };
  const keyHash = (call: HashedCall) => {
    const key = keyOf(call);
    return key === undefined ? undefined : hashOf(key);
  };
  return { keyOf, hashOf: keyHash, words };
}

function cookie(header: string | undefined, wanted: string): string | undefined {
  for (const one of header?.split(';') ?? []) {
    const [name, ...value] = one.split('=');
    if (name?.trim() === wanted) return value.join('=').trim();
  }
  return undefined;
}
