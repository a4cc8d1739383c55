import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

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
    const last = rest.length - 1;
    const headers = rest[last];
    // A list of headers beside a header that was set is understood by Node only in one of its two forms.
    if (Array.isArray(headers))
      return Reflect.apply(writeHead, res, [status, ...rest.slice(0, last), listed(headers, name, text)]);
    res.setHeader(name, text);
    if (typeof headers !== 'object' || headers === null || !(name in headers))
      return Reflect.apply(writeHead, res, [status, ...rest]);
    const replaced: OutgoingHttpHeaders = { ...headers, [name]: text };
    return Reflect.apply(writeHead, res, [status, ...rest.slice(0, last), replaced]);
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
