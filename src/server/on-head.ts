import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

type WriteHead = (...given: unknown[]) => ServerResponse;

/**
 * Adds a header to a response in the moment in which its head is written, whoever writes it: `value` is asked then, with the status, and
 * may say nothing. Frameworks and the compatibility side of HTTP/2 all come by `writeHead`, also for a HEAD and a 304.
 *
 * The application may have the same header from elsewhere, as a gateway that passes on what it got: ours takes its place.
 */
export function onHead(res: ServerResponse, name: string, value: (status: number) => string | undefined): void {
  const writeHead = res.writeHead as WriteHead; // all of its overloads are served alike
  const added: WriteHead = (status, ...rest) => {
    const text = res.headersSent ? undefined : value(Number(status));
    if (text === undefined) return Reflect.apply(writeHead, res, [status, ...rest]);
    const headers = rest.at(-1);
    if (typeof headers !== 'object' || headers === null) {
      res.setHeader(name, text);
      return Reflect.apply(writeHead, res, [status, ...rest]);
    }
    // Beside a header that was set Node would take those given here one by one, which costs as much again, and a list in one form only.
    const all = Array.isArray(headers) ? listed(headers, name, text) : { ...headers, [name]: text };
    return Reflect.apply(writeHead, res, [status, ...rest.slice(0, -1), all]);
  };
  res.writeHead = added as ServerResponse['writeHead']; // as above
}

/** The list with `name` as its last header: of names and values in turn, or of pairs. */
function listed(headers: readonly (OutgoingHttpHeader | readonly OutgoingHttpHeader[])[], name: string, value: string) {
  const flat = Array.isArray(headers[0]) ? headers.flat() : [...headers];
  for (let i = flat.length - 2; i >= 0; i -= 2) if (String(flat[i]).toLowerCase() === name) flat.splice(i, 2);
  flat.push(name, value);
  return flat;
}
