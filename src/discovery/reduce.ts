import { type Cursor, certain, type Member, type Membership, type MembershipEvent, wanted } from './membership.ts';
import type { Instance } from './registry.ts';
import { sameInstance } from './same-instance.ts';

const MASS_RATIO = 0.15;
const MASS_SET = 4;
/** Ids are not reused, so removed ones pile up; what is older than this many removals cannot come back from any registry. */
const MAX_FLOORS = 1_024;
/** A tick later than this was not late but slept through. */
const ASLEEP_MS = 5_000;

/**
 * The membership after `event`, at monotonic time `now`. Pure.
 *
 * What a registry fails to say removes nobody: an instance that is no longer listed becomes a *suspect*, which goes at its first failure
 * or after a grace, and not even then while
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
  if (state.state !== 'current' || ![...state.members.values()].some(certain)) return undefined;
  let earliest: number | undefined;
  for (const member of state.members.values()) {
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
      const known = next.members.get(event.id);
      const gone = known === undefined || known.instance.generation <= event.generation;
      return withFloor(gone ? without(next, [event.id]) : next, event.id, event.generation + 1);
    }
    case 'lapsed': {
      const next = heard(state, event.at, now);
      const known = next.members.get(event.id);
      if (known === undefined || known.suspectAt !== undefined || known.instance.generation > event.generation)
        return next;
      const members = new Map(next.members).set(event.id, { ...known, suspectAt: now });
      return { ...next, members, holdUntil: vanishedTogether(members) ? now + state.timing.holdMs : next.holdUntil };
    }
    case 'lost':
      return { ...state, state: 'stale', reason: event.reason };
    case 'failed': {
      const known = state.members.get(event.id);
      const removable = known?.suspectAt !== undefined && state.state === 'current' && now >= state.holdUntil;
      return removable ? without(state, [event.id]) : state;
    }
    case 'tick':
      if (now - event.dueAt > ASLEEP_MS) return { ...state, holdUntil: now + state.timing.holdMs };
      return expired(state, now);
  }
}

function listed(
  state: Membership,
  { at, instances }: Extract<MembershipEvent, { kind: 'snapshot' }>,
  now: number,
): Membership {
  const members = new Map<string, Member>();
  for (const instance of instances) {
    const known = members.get(instance.id) ?? state.members.get(instance.id);
    const member = admit(state, known, instance);
    if (member !== undefined) members.set(instance.id, member);
  }
  let vanished = false;
  for (const [id, member] of state.members) {
    if (members.has(id)) continue;
    vanished ||= member.suspectAt === undefined;
    members.set(id, member.suspectAt === undefined ? { ...member, suspectAt: now } : member);
  }
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

function joined(state: Membership, instance: Instance): Membership {
  const known = state.members.get(instance.id);
  const member = admit(state, known, instance);
  if (member === undefined || member === known) return state;
  return { ...state, members: new Map(state.members).set(instance.id, member) };
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

/** Removes the suspects whose time has come, unless nobody else would be left. */
function expired(state: Membership, now: number): Membership {
  if (state.state !== 'current' || ![...state.members.values()].some(certain)) return state;
  const due = [...state.members].filter(([, member]) => now >= (dueAt(state, member) ?? Number.POSITIVE_INFINITY));
  return without(
    state,
    due.map(([id]) => id),
  );
}

function dueAt(state: Membership, { suspectAt }: Member): number | undefined {
  return suspectAt === undefined ? undefined : Math.max(suspectAt, state.holdUntil) + state.timing.graceMs;
}

/** Takes members out; none of them can come back under a generation that is older still. */
function without(state: Membership, ids: readonly string[]): Membership {
  let next = state;
  const members = new Map(state.members);
  for (const id of ids) {
    const member = members.get(id);
    if (member === undefined) continue;
    members.delete(id);
    next = withFloor(next, id, member.instance.generation);
  }
  return members.size === state.members.size ? state : { ...next, members };
}

function withFloor(state: Membership, id: string, generation: number): Membership {
  const floors = new Map(state.floors);
  const floor = Math.max(generation, floors.get(id) ?? generation);
  floors.delete(id);
  floors.set(id, floor);
  for (const oldest of floors.keys()) {
    if (floors.size <= MAX_FLOORS) break;
    floors.delete(oldest);
  }
  return { ...state, floors };
}

/** Whether so many are suspect at the same time that the cause is likelier the registry than they. */
function vanishedTogether(members: ReadonlyMap<string, Member>): boolean {
  let up = 0;
  let suspects = 0;
  for (const member of members.values()) {
    if (!wanted(member)) continue;
    up++;
    if (member.suspectAt !== undefined) suspects++;
  }
  return up >= MASS_SET && suspects >= 2 && suspects > up * MASS_RATIO;
}

function sameMembers(a: ReadonlyMap<string, Member>, b: ReadonlyMap<string, Member>): boolean {
  if (a.size !== b.size) return false;
  for (const [id, member] of a) if (b.get(id) !== member) return false;
  return true;
}
