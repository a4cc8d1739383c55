const OVERLOAD: ReadonlySet<unknown> = new Set(['overloaded', 'rate']);

/** Whether a nack is of a server that works as fast as it can. Taken out for it, such a server would idle while its load falls on the others. */
export function ofOverload(nack: unknown): boolean {
  return OVERLOAD.has(nack);
}
