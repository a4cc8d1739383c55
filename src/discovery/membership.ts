import type { Member, Members } from './members.ts';
import type { Instance, View } from './registry.ts';

/** How long the reducer waits. */
export interface Timing {
  /** How long a suspect stays when nothing else is heard of it. */
  readonly graceMs: number;
  /** Two beats of an owner and their jitter: how long nothing is removed after many vanished together. */
  readonly holdMs: number;
}

/** All that is known of the instances of one service. Immutable. */
export interface Membership {
  readonly timing: Timing;
  readonly state: View['state'];
  readonly reason: string;
  readonly members: Members;
  /** The lowest generation under which an id that was removed may come back. */
  readonly floors: ReadonlyMap<string, number>;
  /** Where the registry stood when it was last heard; `undefined` until the first snapshot. */
  readonly at: Cursor | undefined;
  /** Until this monotonic moment no suspect is removed. */
  readonly holdUntil: number;
  readonly revision: number;
  readonly asOf: number;
}

/** A moment in the life of a registry's records. */
export interface Cursor {
  /** Names one life of the records: it changes when they were lost and written anew. Empty while nobody has written any. */
  readonly epoch: string;
  /** Counts the changes within the epoch. */
  readonly revision: number;
}

/** What can happen to a membership. `at` is the moment that the registry stood at afterwards, where it counts. */
export type MembershipEvent =
  /** Everything that the registry lists as alive. */
  | { readonly kind: 'snapshot'; readonly at: Cursor; readonly instances: readonly Instance[] }
  /** The registry lists what it listed before. */
  | { readonly kind: 'confirmed' }
  /** An instance came, or changed. */
  | { readonly kind: 'joined'; readonly instance: Instance; readonly at?: Cursor }
  /** An owner withdrew its instance. */
  | { readonly kind: 'left'; readonly id: string; readonly generation: number; readonly at?: Cursor }
  /** A lease ended without a word from the owner. */
  | { readonly kind: 'lapsed'; readonly id: string; readonly generation: number; readonly at?: Cursor }
  /** The view of an earlier process was found, while the registry has said nothing yet. */
  | {
      readonly kind: 'recalled';
      readonly instances: readonly Instance[];
      readonly ageMs: number;
      readonly reason: string;
    }
  /** The registry is out of reach. */
  | { readonly kind: 'lost'; readonly reason: string }
  /** The endpoint could not be reached by a call. */
  | { readonly kind: 'failed'; readonly id: string }
  /**
   * Time went by. A tick that comes long after `dueAt` tells that this process was asleep. `answered` has the moments at which suspects
   * last answered calls, as far as it is known.
   */
  | { readonly kind: 'tick'; readonly dueAt: number; readonly answered?: ReadonlyMap<string, number> };

const MASS_RATIO = 0.15;

/** The grace and hold for a beat of 10 s and a lease of 30 s. */
export const defaultTiming: Timing = { graceMs: 30_000, holdMs: 25_000 };

/** A membership of which nothing is known yet. */
export function emptyMembership(timing: Timing = defaultTiming): Membership {
  return {
    timing,
    state: 'pending',
    reason: 'the registry has not answered yet',
    members: [],
    floors: new Map(),
    at: undefined,
    holdUntil: Number.NEGATIVE_INFINITY,
    revision: 0,
    asOf: Number.NaN,
  };
}

/** What a membership looks like from outside. */
export function viewOf(state: Membership): View {
  const { revision, asOf, reason } = state;
  const up = state.members.every(wanted) ? state.members : state.members.filter(wanted);
  const suspects = new Set<string>();
  for (const { instance, suspectAt } of up) if (suspectAt !== undefined) suspects.add(instance.id);
  return { state: state.state, instances: up.map(({ instance }) => instance), suspects, revision, asOf, reason };
}

/** Whether so many are suspect at the same time that the cause is likelier the registry than they. */
export function inDoubt(suspects: number, known: number): boolean {
  return suspects >= 2 && suspects > known * MASS_RATIO;
}

/** Whether it wants calls. */
export function wanted({ instance }: Member): boolean {
  return instance.status === 'up';
}

/** Whether it wants calls and the registry lists it. */
export function certain(member: Member): boolean {
  return wanted(member) && member.suspectAt === undefined;
}
