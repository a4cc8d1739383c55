/**
 * Whether fetch can be given a body again. A stream cannot, not even one of which nothing was sent: fetch begins to read it before it has a
 * connection. All other bodies can be sent as often as is needed.
 */
export function replayable(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true;
  return (
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body)
  );
}
