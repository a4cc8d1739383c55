import type { MadeResponse } from '../core/http-binding.ts';
import { type Directives, directivesOf, seconds } from './cache-control.ts';

/** Headers by their names in lower case. */
type Headers = Readonly<Record<string, string>>;

/** A GET as a cache sees it. */
export interface Asked {
  /** Path and query. */
  readonly path: string;
  /** Whom it is for, as far as its headers do not say. */
  readonly scope: string;
  /** The headers that the caller gave. */
  readonly own: Headers;
  /** Those, and what was added since. */
  readonly headers: Headers;
}

/** Headers that say who asks. RFC 9111 names the first; a cookie does the same. */
const WHO = ['authorization', 'cookie'];
/** Directives that http-cache-semantics gets as they are; the others are worked in here, or say nothing to a cache. */
const PLAIN = ['no-store', 'private', 'public', 'no-cache'];
const TIMES = ['max-age', 's-maxage'];
const TIMES_OF_OLD = ['stale-while-revalidate', 'stale-if-error'];

/** Whether the request says who makes it. */
export function saysWho({ headers }: Asked): boolean {
  return WHO.some((name) => headers[name] !== undefined);
}

/** Whether the caller will not have what is older than it says. */
export function insists({ headers }: Asked): boolean {
  const control = directivesOf(headers['cache-control']);
  if (/no-cache/i.test(headers['pragma'] ?? '')) return true;
  return ['no-cache', 'max-age', 'min-fresh'].some((name) => control.has(name));
}

/** Whether an answer must not be given once it is old, whatever else it says. */
export function forbidsOld(control: Directives): boolean {
  return ['must-revalidate', 'proxy-revalidate', 'no-cache'].some((name) => control.has(name));
}

/** Whether an answer is for all, though the request says who asked (RFC 9111, 3.5). */
export function isForKnown(control: Directives): boolean {
  return ['public', 's-maxage', 'must-revalidate'].some((name) => control.has(name));
}

interface UnderstoodRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A request as http-cache-semantics understands all of it; `firm` where nothing old may be given, whatever the request says. */
export function requestFor({ path, headers }: Asked, firm = false): UnderstoodRequest {
  const words: string[] = [];
  for (const [name, value] of directivesOf(headers['cache-control'])) {
    if (firm && name === 'max-stale') continue;
    const timed = name === 'max-age' || name === 'min-fresh' || (name === 'max-stale' && value !== '');
    words.push(timed ? `${name}=${seconds(value)}` : name);
  }
  return {
    url: path,
    method: 'GET',
    headers: {
      ...headers,
      'cache-control': words.join(', '),
      pragma: headers['pragma']?.toLowerCase(),
      authorization: WHO.map((name) => headers[name]).find((value) => value !== undefined),
    },
  };
}

/**
 * The headers of an answer as http-cache-semantics understands all of them: it throws at lists, overlooks directives in capitals, takes what begins with a
 * digit for a number, and gives old answers that forbid it.
 */
export function answerFor(given: Headers, control: Directives, wallMs: number): Readonly<Record<string, string>> {
  const { etag, 'last-modified': modified, 'cache-control': said, pragma, connection, ...others } = given;
  const dated = Number.isFinite(Date.parse(given['date'] ?? ''));
  return {
    ...others,
    ...(said !== undefined && { 'cache-control': textOf(control) }),
    ...(pragma !== undefined && { pragma: pragma.toLowerCase() }),
    ...(connection !== undefined && { connection: connection.toLowerCase() }),
    ...(etag !== undefined && isSendable(etag) && { etag }),
    ...(modified !== undefined && isSendable(modified) && { 'last-modified': modified }),
    age: String(seconds(given['age']?.split(',', 1)[0])),
    ...(!dated && { date: new Date(wallMs).toUTCString() }),
  };
}

function textOf(control: Directives): string {
  const words = PLAIN.filter((name) => control.has(name));
  for (const name of [...TIMES, ...(forbidsOld(control) ? [] : TIMES_OF_OLD)])
    if (control.has(name)) words.push(`${name}=${seconds(control.get(name))}`);
  // The library asks after fresh answers too that say this. What is left of it when no old one is given is that it is for all.
  if (control.has('must-revalidate')) words.push('public');
  return words.join(', ');
}

/** Whether a validator can be sent back as it is. */
function isSendable(validator: string): boolean {
  return /^[\x20-\x7e]+$/.test(validator);
}

/** Headers with those of a list of name, value, name, value: where both have one, both are sent. */
export function withAdded(own: Headers, added: readonly string[]): Headers {
  const texts: Record<string, string> = { ...own };
  for (let i = 0; i + 1 < added.length; i += 2) {
    const [name = '', value = ''] = added.slice(i, i + 2);
    texts[name] = Object.hasOwn(texts, name) ? `${texts[name]}, ${value}` : value;
  }
  return texts;
}

/** Each header in one text, as lists are written. */
export function flat(headers: MadeResponse['headers']): Headers {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) texts[name] = typeof value === 'string' ? value : value.join(', ');
  return texts;
}

/** The names in a `vary`, each once. */
export function namesIn(vary = ''): readonly string[] {
  const names = vary.toLowerCase().split(',');
  return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))].sort();
}
