const LONGEST_WAIT_MS = 300_000;
const MAX_SHOWN = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
/** What refuses a certificate, and what finds no file: neither is cured by waiting. */
const NEEDS_A_PERSON = /^(CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_|ENOENT$|EACCES$)/;

/** A server answered, and did not give what was asked for. */
export class HttpStatusError extends Error {
  readonly status: number;
  /** Milliseconds that it asked to be left alone; at most five minutes. `undefined` when it said nothing of the kind. */
  readonly retryAfterMs: number | undefined;

  /** `said` is what the server gave as the reason; it is shortened and made printable. */
  constructor(status: number, said: string, retryAfter?: string) {
    const reason = said.replaceAll(UNPRINTABLE, ' ').trim().slice(0, MAX_SHOWN);
    super(`it answered ${status}${reason === '' ? '' : `: ${reason}`}`);
    this.name = new.target.name;
    this.status = status;
    const asked = retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : undefined;
    this.retryAfterMs = asked === undefined ? undefined : Math.min(asked, LONGEST_WAIT_MS);
  }
}

/** A server answered well, and yet it takes a person to get what was asked for. */
export class PermanentError extends Error {}

/** The status that a server answered with, when that is what went wrong. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof HttpStatusError ? error.status : undefined;
}

/**
 * Whether it takes a person to make the same request work: it was refused for who asks or what it asks, the server cannot prove who it
 * is, or a file is missing. What a server cannot do now, and one that is not there, pass by themselves.
 */
export function isPermanent(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status >= 400 && status < 500 && ![408, 409, 410, 425, 429].includes(status);
  if (error instanceof PermanentError) return true;
  return error instanceof Error && 'code' in error && NEEDS_A_PERSON.test(String(error.code));
}
