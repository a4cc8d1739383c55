import type { Instance } from './registry.ts';

/** One instance as the reducer keeps it. */
export interface Member {
  readonly instance: Instance;
  /** Monotonic milliseconds since which it may be gone; `undefined` while the registry lists it. */
  readonly suspectAt: number | undefined;
}

/**
 * Members by their ids, none twice. A change makes another array: to copy 10,000 pointers takes a few microseconds, where a map of as many
 * takes milliseconds.
 */
export type Members = readonly Member[];

/** The member of that id. */
export function memberOf(members: Members, id: string): Member | undefined {
  const found = members[placeOf(members, id)];
  return found?.instance.id === id ? found : undefined;
}

/** With `member` in its place, or in place of the one of its id. */
export function withMember(members: Members, member: Member): Members {
  const place = placeOf(members, member.instance.id);
  const replaced = members[place]?.instance.id === member.instance.id ? 1 : 0;
  return members.toSpliced(place, replaced, member);
}

/** Whether both hold the very same members. */
export function sameMembers(a: Members, b: Members): boolean {
  return a.length === b.length && a.every((member, i) => member === b[i]);
}

/** Where the member of that id is, or would be. */
function placeOf(members: Members, id: string): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((members[middle]?.instance.id ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
