import { inOrder } from './in-order.ts';
import { type Member, type Members, memberOf, sameMembers, withMember } from './members.ts';
import { type Cursor, certain, inDoubt, type Membership, type MembershipEvent, wanted } from './membership.ts';
import type { Instance } from './registry.ts';
import { sameInstance } from './same-instance.ts';

const MASS_SET = 4;
/** Ids are not reused, so removed ones pile up; what is older than this many removals cannot come back from any registry. */
const MAX_FLOORS = 1_024;
/** A tick later than this was not late but slept through. */
const ASLEEP_MS = 5_000;

/**
 * The membership after `event`, at monotonic time `now`. Pure.
 *
 * What a registry fails to say removes nobody: an instance that is no longer listed becomes a *suspect*, which goes at its first failure
 * or after a grace in which it answered no call, and not even then while
 *
 * - the registry is out of reach,
 * - a *hold* is on: many vanished together, the registry was reset, or it has just come back, so that owners may be about to return,
 * - (by time alone) nobody else would be left.
 *
 * Only the owner's own word, `left`, removes at once. An older generation never replaces a newer one, nor comes back after it.
 */
export function reduce(state: Membership, event: MembershipEvent, now: number): Membership {
  const next = step(state, event, now);
  const changed = next.members !== state.members || next.state !== state.state || next.reason !== state.reason;
  return changed ? { ...next, revision: state.revision + 1 } : next;
}

/** When the next suspect is due to go by time alone, in monotonic milliseconds; `undefined` when none is. */
export function nextTickAt(state: Membership): number | undefined {
  if (state.state !== 'current' || !state.members.some(certain)) return undefined;
  let earliest: number | undefined;
  for (const member of state.members) {
    const at = dueAt(state, member);
    if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
  }
  return earliest;
}

function step(state: Membership, event: MembershipEvent, now: number): Membership {
  switch (event.kind) {
    case 'snapshot':
      return listed(state, event, now);
    case 'confirmed':
      return heard(state, undefined, now);
    case 'joined':
      return joined(heard(state, event.at, now), event.instance);
    case 'left': {
      const next = heard(state, event.at, now);
      const known = memberOf(next.members, event.id);
      const gone = known === undefined || known.instance.generation <= event.generation;
      return withFloors(gone ? without(next, [known]) : next, [[event.id, event.generation + 1]]);
    }
    case 'lapsed': {
      const next = heard(state, event.at, now);
      const known = memberOf(next.members, event.id);
      if (known === undefined || known.suspectAt !== undefined || known.instance.generation > event.generation)
        return next;
      const members = withMember(next.members, { ...known, suspectAt: now });
      return { ...next, members, holdUntil: vanishedTogether(members) ? now + state.timing.holdMs : next.holdUntil };
    }
    case 'recalled':
      return state.at === undefined ? recalled(state, event, now) : state;
    case 'lost':
      return { ...state, state: 'stale', reason: event.reason };
    case 'failed': {
      const known = memberOf(state.members, event.id);
      const removable = known?.suspectAt !== undefined && state.state === 'current' && now >= state.holdUntil;
      return removable ? without(state, [known]) : state;
    }
    case 'tick':
      if (now - event.dueAt > ASLEEP_MS) return { ...state, holdUntil: now + state.timing.holdMs };
      return expired(heardOf(state, event.answered), now);
  }
}

function listed(
  state: Membership,
  { at, instances }: Extract<MembershipEvent, { kind: 'snapshot' }>,
  now: number,
): Membership {
  const { members, vanished } = merged(state, inOrder(instances), now);
  const before = state.at;
  const reset = before !== undefined && (at.epoch !== before.epoch || at.revision < before.revision);
  const hold = reset || state.state === 'stale' || (vanished && vanishedTogether(members));
  return {
    ...state,
    state: 'current',
    reason: '',
    members: sameMembers(state.members, members) ? state.members : members,
    at,
    holdUntil: hold ? now + state.timing.holdMs : state.holdUntil,
    asOf: now,
  };
}

/** Those that are listed, and as suspects those that are not: both lists are in order, so it takes one walk along them. */
function merged(
  state: Membership,
  instances: readonly Instance[],
  now: number,
): { readonly members: Members; readonly vanished: boolean } {
  const members: Member[] = [];
  let vanished = false;
  const unlisted = (member: Member): void => {
    vanished ||= member.suspectAt === undefined;
    members.push(member.suspectAt === undefined ? { ...member, suspectAt: now } : member);
  };
  let next = 0;
  let at = 0;
  for (let first = instances[at]; first !== undefined; first = instances[at]) {
    const { id } = first;
    let known = state.members[next];
    for (; known !== undefined && known.instance.id < id; known = state.members[++next]) unlisted(known);
    if (known?.instance.id === id) next++;
    else known = undefined;
    let member: Member | undefined;
    // A registry may list an id more than once; the newest generation wins.
    for (let one: Instance | undefined = first; one?.id === id; one = instances[++at])
      member = admit(state, member ?? known, one) ?? member;
    if (member !== undefined) members.push(member);
    else if (known !== undefined) unlisted(known);
  }
  for (let known = state.members[next]; known !== undefined; known = state.members[++next]) unlisted(known);
  return { members, vanished };
}

/** What an earlier process knew is believed as far as it answers: all of it is suspect. */
function recalled(
  state: Membership,
  { instances, ageMs, reason }: Extract<MembershipEvent, { kind: 'recalled' }>,
  now: number,
): Membership {
  const found = inOrder(instances)
    .filter(({ id }, i, all) => id !== all[i - 1]?.id)
    .map((instance): Member => ({ instance, suspectAt: now }));
  const members = state.members.reduce<Members>((all, known) => withMember(all, known), found);
  return { ...state, state: 'stale', reason, members, asOf: now - ageMs };
}

function joined(state: Membership, instance: Instance): Membership {
  const known = memberOf(state.members, instance.id);
  const member = admit(state, known, instance);
  if (member === undefined || member === known) return state;
  return { ...state, members: withMember(state.members, member) };
}

/** The member that a listed instance makes; `undefined` when a newer one is known. The same object when nothing is new. */
function admit(state: Membership, known: Member | undefined, instance: Instance): Member | undefined {
  if (instance.generation < (state.floors.get(instance.id) ?? Number.NEGATIVE_INFINITY)) return undefined;
  if (known === undefined) return { instance, suspectAt: undefined };
  if (instance.generation < known.instance.generation) return undefined;
  // A balancer keeps what it learnt of an endpoint by the object, so the same facts must stay the same object.
  const kept = sameInstance(known.instance, instance) ? known.instance : instance;
  return kept === known.instance && known.suspectAt === undefined ? known : { instance: kept, suspectAt: undefined };
}

function heard(state: Membership, at: Cursor | undefined, now: number): Membership {
  return { ...state, at: at ?? state.at, asOf: now };
}

/** The grace of a suspect that answered calls begins anew with its last answer. */
function heardOf(state: Membership, answered: ReadonlyMap<string, number> = new Map()): Membership {
  if (answered.size === 0) return state;
  const members = state.members.map((member) => {
    const at = answered.get(member.instance.id) ?? Number.NEGATIVE_INFINITY;
    return member.suspectAt !== undefined && at > member.suspectAt ? { ...member, suspectAt: at } : member;
  });
  return sameMembers(state.members, members) ? state : { ...state, members };
}

/** Removes the suspects whose time has come, unless nobody else would be left. */
function expired(state: Membership, now: number): Membership {
  if (state.state !== 'current' || !state.members.some(certain)) return state;
  return without(
    state,
    state.members.filter((member) => now >= (dueAt(state, member) ?? Number.POSITIVE_INFINITY)),
  );
}

function dueAt(state: Membership, { suspectAt }: Member): number | undefined {
  return suspectAt === undefined ? undefined : Math.max(suspectAt, state.holdUntil) + state.timing.graceMs;
}

/** Takes members out; none of them can come back under a generation that is older still. */
function without(state: Membership, gone: readonly (Member | undefined)[]): Membership {
  const out = new Set(gone);
  const members = state.members.filter((member) => !out.has(member));
  if (members.length === state.members.length) return state;
  const floors = gone.flatMap((member) =>
    member === undefined ? [] : [[member.instance.id, member.instance.generation] as const],
  );
  return withFloors({ ...state, members }, floors);
}

function withFloors(state: Membership, raised: readonly (readonly [id: string, generation: number])[]): Membership {
  const floors = new Map(state.floors);
  for (const [id, generation] of raised) {
    const floor = Math.max(generation, floors.get(id) ?? generation);
    floors.delete(id);
    floors.set(id, floor);
  }
  for (const oldest of floors.keys()) {
    if (floors.size <= MAX_FLOORS) break;
    floors.delete(oldest);
  }
  return { ...state, floors };
}

/** Whether so many of a set that is not small are suspect that nobody is to be removed for it. */
function vanishedTogether(members: Members): boolean {
  let up = 0;
  let suspects = 0;
  for (const member of members) {
    if (!wanted(member)) continue;
    up++;
    if (member.suspectAt !== undefined) suspects++;
  }
  return up >= MASS_SET && inDoubt(suspects, up);
}
