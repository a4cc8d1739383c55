/** How much a request matters when not all can be served. It travels with the calls made for it. */
export type Priority = 'critical' | 'default' | 'sheddable';

/** The most important first. */
export const PRIORITIES: readonly Priority[] = ['critical', 'default', 'sheddable'];

/** What `mesh-priority` says; what cannot be read is `default`. Only `trusted` senders may say that theirs matters more. */
export function parsePriority(header: string | undefined, trusted: boolean): Priority {
  if (header === 'sheddable') return 'sheddable';
  return header === 'critical' && trusted ? 'critical' : 'default';
}
