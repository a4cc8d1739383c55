import { emptyMembership, type Membership, type MembershipEvent, viewOf } from '../../../src/discovery/membership.ts';
import { placeOf } from '../../../src/discovery/redis/delta.ts';
import { nextTickAt, reduce } from '../../../src/discovery/reduce.ts';
import type { View } from '../../../src/discovery/registry.ts';
import { type Change, markAfter, type Store } from './store.ts';

/** What a follower needs of the world. */
export interface Surroundings {
  readonly store: Store;
  now(): number;
  random(): number;
  /** Whether a call to that process would be answered. */
  answers(id: string, generation: number): boolean;
}

const POLL = 30_000;
/** While somebody is suspect: soon enough to hear that he is not, before his grace is over. */
const DOUBTFUL_POLL = 10_000;
const CALLS = 5_000;
/** No answer of the world ever stands here. */
const NEVER = Number.POSITIVE_INFINITY;

/** A process that follows the service as the reader of the Redis registry does, on the real reducer. */
export class Follower {
  readonly #world: Surroundings;
  /** Whether it calls the instances that it knows. */
  readonly #busy: boolean;
  #state: Membership = emptyMembership();
  /** The view of a state, once somebody looked. */
  #viewed: { readonly state: Membership; readonly view: View } | undefined;
  #synced = false;
  #mark = 0;
  #syncAt = 0;
  #callAt: number;
  #tickAt = NEVER;
  #cut = false;
  /** Whether messages are lost on the way, with nobody the wiser. */
  deaf = false;
  asleep = false;

  constructor(world: Surroundings, busy: boolean) {
    this.#world = world;
    this.#busy = busy;
    this.#callAt = busy ? CALLS : NEVER;
  }

  get view(): View {
    if (this.#viewed?.state !== this.#state) this.#viewed = { state: this.#state, view: viewOf(this.#state) };
    return this.#viewed.view;
  }

  get cut(): boolean {
    return this.#cut;
  }

  set cut(cut: boolean) {
    this.#cut = cut;
    this.connection();
  }

  /** The connection came or went. */
  connection(): void {
    this.#synced = false;
    if (this.reached) {
      this.#syncAt = this.#world.now() + 1_000 * this.#world.random();
    } else {
      this.#syncAt = NEVER;
      this.#apply({ kind: 'lost', reason: 'away' });
    }
  }

  get reached(): boolean {
    return !this.#cut && this.#world.store.up;
  }

  get nextAt(): number {
    return this.asleep ? NEVER : Math.min(this.#syncAt, this.#callAt, this.#tickAt);
  }

  /** Does one thing that is due: an answer of the store takes its time, so what was due before is done by then. */
  run(): void {
    const now = this.#world.now();
    if (this.asleep) return;
    if (this.#tickAt <= now) this.#tick();
    else if (this.#callAt <= now) this.#call();
    else if (this.#syncAt <= now) this.#sync();
  }

  /** A call of it fails. */
  fail(id: string): void {
    this.#apply({ kind: 'failed', id });
  }

  message(change: Change): void {
    if (!this.reached || this.asleep || this.deaf) return;
    const { at } = change;
    if (change.op === 'leave') this.#apply({ kind: 'left', id: change.id, generation: change.generation });
    if (!this.#synced) return;
    const cursor = this.#state.at ?? { epoch: '', revision: 0 };
    const place = placeOf(at, cursor);
    if (place === 'later') this.#syncAt = Math.min(this.#syncAt, this.#world.now() + 450);
    if (place !== 'next') return;
    this.#mark = markAfter(this.#mark, change.text);
    if (change.op === 'join') this.#apply({ kind: 'joined', instance: change.instance, at });
    else {
      const { op, id, generation } = change;
      this.#apply({ kind: op === 'leave' ? 'left' : 'lapsed', id, generation, at });
    }
    if (change.op === 'lapse') this.#syncIn(DOUBTFUL_POLL);
  }

  #sync(): void {
    const known = this.#synced ? this.#state.at : undefined;
    const { at, mark, instances } = this.#world.store.snapshot(this.#world.now(), known, this.#mark);
    this.#synced = true;
    this.#mark = mark;
    this.#apply(instances === undefined ? { kind: 'confirmed' } : { kind: 'snapshot', at, instances });
    this.#syncAt = Number.POSITIVE_INFINITY;
    this.#syncIn(this.view.suspects.size > 0 ? DOUBTFUL_POLL : POLL);
  }

  #syncIn(ms: number): void {
    this.#syncAt = Math.min(this.#syncAt, this.#world.now() + ms * (0.8 + 0.4 * this.#world.random()));
  }

  /** Those who do not answer refuse the connection, and that is said; when the others last answered is known. */
  #call(): void {
    this.#callAt = this.#world.now() + CALLS;
    for (const { id, generation } of this.view.instances)
      if (!this.#world.answers(id, generation)) this.#apply({ kind: 'failed', id });
  }

  #tick(): void {
    const answered = new Map<string, number>();
    if (this.#busy) {
      for (const { id, generation } of this.view.instances)
        if (this.#world.answers(id, generation)) answered.set(id, this.#world.now());
    }
    const dueAt = this.#tickAt;
    this.#tickAt = NEVER;
    this.#apply({ kind: 'tick', dueAt, answered });
  }

  #apply(event: MembershipEvent): void {
    this.#state = reduce(this.#state, event, this.#world.now());
    this.#tickAt = nextTickAt(this.#state) ?? NEVER;
  }
}
