/** What belongs to one connection of HTTP/1.1. undici sees to the others of the kind. */
const OF_CONNECTION = new Set(['connection', 'proxy-connection', 'http2-settings']);

/**
 * Headers as HTTP/2 has them: names in lower case, and none that is about a connection. Node refuses others so late that the connection ends with
 * all calls on it.
 */
export function http2Headers(headers: readonly string[]): string[] {
  const all: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = (headers[i] ?? '').toLowerCase();
    const value = headers[i + 1] ?? '';
    if (OF_CONNECTION.has(name) || (name === 'te' && value !== 'trailers')) continue;
    all.push(name, value);
  }
  return all;
}
