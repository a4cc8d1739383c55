import { causeOf } from './cause-of.ts';
import { isCertificateRefused } from './tls-errors.ts';

/** Refusals that pass by themselves: Redis starts, is busy, hands over to another, or has too many guests. */
const PASSING =
  /^(LOADING|BUSY|UNKILLABLE|READONLY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOSCRIPT|ERR max number of clients)\b/;
/** Before Redis 7 what a script was refused stands at the end of a longer message. */
const IN_SCRIPT = /^ERR Error running script .*?: -(?=[A-Z]+ )/s;
/** What is said when the other end does not speak the protocol. */
const NOT_REDIS = /^Unknown RESP type/;

/** Whether it is Redis that refused, and not the way to it that failed. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Whether it takes a person to make the same command work: Redis answered, and refused for a reason that waiting does not cure, such as
 * NOAUTH, WRONGPASS, NOPERM, OOM or MISCONF; or who answered is not the Redis that was meant. A connection that is not there always may
 * come back.
 */
export function isPermanent(error: unknown): boolean {
  const cause = causeOf(error);
  if (!(cause instanceof Error)) return false;
  if (isRefusal(cause)) return !PASSING.test(refusalOf(cause));
  return NOT_REDIS.test(cause.message) || isCertificateRefused(cause);
}

/** Whether the server has not seen the script yet. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

/** What Redis said, beginning with the word that tells its refusals apart. */
export function refusalOf(error: Error): string {
  return error.message.replace(IN_SCRIPT, '');
}
