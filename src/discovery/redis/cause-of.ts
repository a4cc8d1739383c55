/** What a Cluster met at the last node that it tried, where it only says that all of them failed. */
export function causeOf(error: unknown): unknown {
  const { lastNodeError } = error as { readonly lastNodeError?: unknown }; // only to see what is there
  return lastNodeError ?? error;
}
