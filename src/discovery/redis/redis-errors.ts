import { isCertificateRefused } from './tls-errors.ts';

/** Refusals of Redis that pass by themselves: it starts, is busy, hands over to another, or has too many guests. */
const PASSING =
  /^(LOADING|BUSY|READONLY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|ERR max number of clients)/;

/**
 * Whether it takes a person to make the same command work: Redis answered, and refused for a reason that waiting does not cure, such as
 * NOAUTH, WRONGPASS, NOPERM or OOM; or one side does not trust the certificate of the other. A connection that is not there always may come back.
 */
export function isPermanent(error: unknown): boolean {
  if (isCertificateRefused(error)) return true;
  return error instanceof Error && error.name === 'ReplyError' && !PASSING.test(error.message);
}

/** Whether the server has not seen the script yet. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
