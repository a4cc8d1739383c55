export type Fetch = typeof globalThis.fetch;

/** A request in the words of fetch, to be made at whichever endpoint is picked. */
export interface FetchRequest {
  readonly input: Parameters<Fetch>[0];
  readonly init: RequestInit | undefined;
  readonly method: string;
}

/** The Request that a call was given in place of a URL. */
export function requestOf(input: FetchRequest['input']): Request | undefined {
  return typeof input === 'object' && 'method' in input ? input : undefined;
}

/** The URL that a call was given, in whatever form. */
export function urlOf(input: FetchRequest['input']): string {
  return requestOf(input)?.url ?? String(input);
}

/** What the caller wants done with a redirect. */
export function redirectMode({
  input,
  init,
}: Pick<FetchRequest, 'input' | 'init'>): NonNullable<RequestInit['redirect']> {
  return init?.redirect ?? requestOf(input)?.redirect ?? 'follow';
}
