const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'QUERY']);

/** Whether running a request of this method twice does no more than running it once (RFC 9110, 9.2.2; QUERY by its own). */
export function idempotentMethod(method: string): boolean {
  return IDEMPOTENT.has(method);
}
