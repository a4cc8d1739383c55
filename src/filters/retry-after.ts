/** The longest wait that a server may ask for; one that asks for more is not asked again. */
const LONGEST_MS = 5_000;

/**
 * What a `Retry-After` header asks for: milliseconds to wait; `undefined` when it says nothing usable (absent, garbage, negative, a date in
 * the past); `'too-long'` when it asks for more than five seconds.
 */
export function retryAfterMs(header: string | undefined, wallNow: number): number | 'too-long' | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * 1000 : dateMs(text) - wallNow;
  if (!(ms >= 0)) return undefined;
  return ms > LONGEST_MS ? 'too-long' : ms;
}

/** NaN for what is no HTTP date; only text with a letter is tried, since `Date.parse` makes dates of bare numbers. */
function dateMs(text: string): number {
  return /^[A-Za-z]{3}/.test(text) && text.length < 64 ? Date.parse(text) : Number.NaN;
}
