import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

type WriteHead = (...given: unknown[]) => ServerResponse;

/**
 * Adds headers to a response in the moment in which its head is written, whoever writes it: `added` is asked then, with the status, for names and values in turn, and
 * may say none. Frameworks and the compatibility side of HTTP/2 all come by `writeHead`, also for a HEAD and a 304.
 *
 * The application may have the same header from elsewhere, as a gateway that passes on what it got: ours takes its place.
 */
export function onHead(res: ServerResponse, added: (status: number) => readonly string[]): void {
  const writeHead = res.writeHead as WriteHead; // all of its overloads are served alike
  const adding: WriteHead = (status, ...rest) => {
    const more = res.headersSent ? [] : added(Number(status));
    if (more.length === 0) return Reflect.apply(writeHead, res, [status, ...rest]);
    const headers = rest.at(-1);
    if (typeof headers !== 'object' || headers === null) {
      eachOf(more, (name, value) => res.setHeader(name, value));
      return Reflect.apply(writeHead, res, [status, ...rest]);
    }
    // Beside a header that was set Node would take those given here one by one, which costs as much again, and a list in one form only.
    const all = Array.isArray(headers) ? listed(headers, more) : named(headers, more);
    return Reflect.apply(writeHead, res, [status, ...rest.slice(0, -1), all]);
  };
  res.writeHead = adding as ServerResponse['writeHead']; // as above
}

/** The list with `more` as its last headers: of names and values in turn, or of pairs. */
function listed(headers: readonly (OutgoingHttpHeader | readonly OutgoingHttpHeader[])[], more: readonly string[]) {
  const flat = Array.isArray(headers[0]) ? headers.flat() : [...headers];
  eachOf(more, (name, value) => {
    for (let i = flat.length - 2; i >= 0; i -= 2) if (String(flat[i]).toLowerCase() === name) flat.splice(i, 2);
    flat.push(name, value);
  });
  return flat;
}

function named(headers: object, more: readonly string[]): object {
  const all: Record<string, unknown> = { ...headers };
  eachOf(more, (name, value) => {
    all[name] = value;
  });
  return all;
}

function eachOf(pairs: readonly string[], use: (name: string, value: string) => void): void {
  for (let i = 0; i + 1 < pairs.length; i += 2) use(pairs[i] ?? '', pairs[i + 1] ?? '');
}
