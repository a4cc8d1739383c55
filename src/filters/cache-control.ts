/** What a `cache-control` says: each directive by its name in lower case, with its value or an empty text. */
export type Directives = ReadonlyMap<string, string>;

/** A name, and after `=` what stands in quotes or up to the next comma. */
const DIRECTIVE = /([a-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;]*)))?/gi;
/** More seconds than anybody waits, as RFC 9111 has it (1.2.2). */
const MOST_SECONDS = 2 ** 31;

/** Reads a `cache-control`. Of a directive that is there twice the first counts. */
export function directivesOf(header: string | undefined): Directives {
  const directives = new Map<string, string>();
  if (header === undefined) return directives;
  for (const [, name = '', quoted, plain] of header.matchAll(DIRECTIVE)) {
    const key = name.toLowerCase();
    if (!directives.has(key)) directives.set(key, quoted ?? plain ?? '');
  }
  return directives;
}

/** A number of seconds; what is none is 0, so that what it is about counts as old. */
export function seconds(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), MOST_SECONDS) : 0;
}
