/** A URL as it may be shown: without user and password. */
export function withoutCredentials(url: string): string {
  // A password may hold any character, so all up to the last `@` goes.
  return url.replace(/\/\/.*@/s, '//').replace(/[?#].*$/, '');
}
