/** Replies that waiting does not cure: somebody has to change a password, a rule or the memory of the server. */
const PERMANENT = /^(NOAUTH|WRONGPASS|NOPERM|OOM|MISCONF|ERR (AUTH|invalid password|Client sent AUTH))/;

/** Whether it takes a person to make the same command work. Everything else (no connection, LOADING, BUSY, READONLY, …) passes. */
export function isPermanent(error: unknown): boolean {
  return error instanceof Error && PERMANENT.test(error.message);
}

/** Whether the server has not seen the script yet. */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
