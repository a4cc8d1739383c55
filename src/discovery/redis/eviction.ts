/**
 * Whether a Redis that is full would throw away what is registered, as its answer to INFO says; in words for people, or `undefined`.
 *
 * Its owners write a lost record again with their next beat, so this is a warning and not a failure. A policy that evicts only what
 * expires is harmless: nothing here does, but the key of a reaper.
 */
export function evictionRisk(info: string): string | undefined {
  const policy = /^maxmemory_policy:(allkeys-[a-z-]+)/m.exec(info)?.[1];
  const bound = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0);
  if (policy === undefined || bound === 0) return undefined;
  return `maxmemory-policy is ${policy}: a full Redis may throw away what is registered, until its owners beat again`;
}
