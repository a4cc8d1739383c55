import type { Instance } from '../../../src/discovery/registry.ts';
import { seededRandom } from '../../../src/testing/seeded-random.ts';
import { instanceOf } from '../setup.ts';
import { Follower } from './follower.ts';
import { type Change, LEASE, Store } from './store.ts';

const BEAT = 10_000;
const MAX_BEAT = 1.125 * BEAT;
const GRACE = 30_000;
/** How long after the death of a single one it is not listed any more, while all is well: a lease, until a beat tells of its end, and the grace. */
const GONE = LEASE + MAX_BEAT + GRACE;
/** How long after the last disturbance nobody is listed who is dead: with the hold besides. */
export const SETTLED = GONE + 25_000;
/** A follower that heard nothing of what it missed looks by itself. */
export const RESYNC = 36_000 + 450;

/** One process of the service. */
interface Owner {
  instance: Instance;
  alive: boolean;
  cut: boolean;
  /** When it was last cut off, or was no longer. */
  cutAt: number;
  beatAt: number;
}

/** A store, processes that announce themselves in it, and two followers: one that calls whom it knows, and one that does not. */
export class World {
  /** How far the clock of the store was set back, all in all: the leases of the dead are longer by as much. */
  setBackMs = 0;
  readonly store = new Store((change) => this.#tell(change));
  readonly followers: readonly [Follower, Follower];
  /** All that live or were the last of their id. */
  #owners: readonly Owner[] = [];
  /** The newest process of each id. */
  readonly #newest = new Map<string, Owner>();
  readonly #random = seededRandom(1);
  #now = 0;
  #generation = 0;
  /** What was ever told, for replays. */
  readonly #told: Change[] = [];
  /** Messages that are held back, to be let go in another order. */
  #held: Change[] | undefined;
  /** The last moment at which something was not as it should be. */
  #disturbedAt = 0;
  /** How long after that the dead may be listed. */
  #patience = SETTLED + RESYNC;
  /** When the store last said something of leases that was not so, with nobody the wiser. */
  #liedAt = Number.NEGATIVE_INFINITY;
  /** What each follower has seen: the highest generation by id, and those who must stay in its view. */
  readonly #highest: readonly [Map<string, number>, Map<string, number>] = [new Map(), new Map()];
  readonly #known: readonly [Set<Owner>, Set<Owner>] = [new Set(), new Set()];
  /** Whom each follower saw last. */
  readonly #shown: [Owner[], Owner[]] = [[], []];
  /** The revision of each view that was looked at last. */
  readonly #looked: [number, number] = [-1, -1];
  /** The lowest generation of an id that may be seen by a follower that heard of a leave. */
  readonly #left: readonly [Map<string, number>, Map<string, number>] = [new Map(), new Map()];

  constructor() {
    const surroundings = {
      store: this.store,
      now: () => this.#now,
      random: this.#random,
      answers: (id: string, generation: number) => this.answers(id, generation),
    };
    this.followers = [new Follower(surroundings, true), new Follower(surroundings, false)];
    this.wait(0);
  }

  /** Whether a process of that generation is there. */
  answers(id: string, generation: number): boolean {
    return this.#owners.some(
      ({ instance, alive }) => alive && instance.id === id && instance.generation === generation,
    );
  }

  /** A process starts under this id; an older one of the same id may still be there, and will be fenced. */
  join(id: string): void {
    const owner = {
      instance: instanceOf({ id, generation: ++this.#generation }),
      alive: true,
      cut: false,
      cutAt: Number.NEGATIVE_INFINITY,
      beatAt: this.#now,
    };
    this.#newest.set(id, owner);
    this.#owners = [...this.#owners.filter((one) => one.alive || this.#isNewest(one)), owner];
    this.#beat(owner);
    // Those who are dead may have stayed because nobody else was there.
    this.#disturb();
  }

  leave(id: string): void {
    const owner = this.#newest.get(id);
    if (owner?.alive !== true) return;
    owner.alive = false;
    if (owner.cut || !this.store.up) {
      this.#disturb();
      return;
    }
    this.store.leave(owner.instance);
    for (const [i, { reached, deaf, asleep }] of this.followers.entries())
      if (reached && !deaf && !asleep && this.#held === undefined)
        this.#left[i]?.set(id, owner.instance.generation + 1);
    this.#check();
  }

  kill(id: string): void {
    const owner = this.#newest.get(id);
    if (owner?.alive !== true) return;
    owner.alive = false;
    this.#disturb(this.#now > this.#disturbedAt + SETTLED + RESYNC ? GONE : undefined);
  }

  /** A call to each fails, also to those who live. */
  blip(which: 0 | 1): void {
    const follower = this.followers[which];
    if (follower.asleep) return;
    const { instances, suspects } = follower.view;
    const together = suspects.size > 1 && instances.length >= 4;
    for (const { id } of instances) follower.fail(id);
    for (const owner of this.#known[which]) {
      const blamed = !owner.cut && this.#now > owner.cutAt + RESYNC && (this.#now > this.#liedAt + RESYNC || together);
      // A suspect, and not by any fault of the store: it goes.
      if (follower.reached && suspects.has(owner.instance.id) && !blamed) this.#known[which].delete(owner);
    }
    this.#shown[which] = this.#shown[which].filter((owner) => this.#known[which].has(owner));
    this.#check();
  }

  drain(id: string): void {
    const owner = this.#newest.get(id);
    if (owner?.alive !== true) return;
    owner.instance = { ...owner.instance, status: 'draining' };
    for (const known of this.#known) known.delete(owner);
    this.#beat(owner, true);
    this.#check();
  }

  cutOwner(id: string, cut: boolean): void {
    const owner = this.#newest.get(id);
    if (owner === undefined || owner.cut === cut) return;
    owner.cut = cut;
    owner.cutAt = this.#now;
    // Who neither announces itself nor is called cannot be known to live.
    this.#known[1].delete(owner);
    if (!cut) owner.beatAt = this.#now + 1_000 * this.#random();
    this.#disturb();
  }

  cutFollower(which: 0 | 1, cut: boolean): void {
    if (this.followers[which].cut !== cut) this.followers[which].cut = cut;
    this.#disturb();
  }

  deafen(which: 0 | 1, deaf: boolean): void {
    this.followers[which].deaf = deaf;
    this.#disturb();
  }

  sleep(which: 0 | 1, asleep: boolean): void {
    const follower = this.followers[which];
    if (follower.asleep === asleep) return;
    follower.asleep = asleep;
    follower.run();
    this.#disturb();
  }

  /** Redis goes, or comes. */
  redis(up: boolean): void {
    if (this.store.up === up) return;
    this.store.up = up;
    for (const follower of this.followers) follower.connection();
    if (up) for (const owner of this.#owners) owner.beatAt = this.#now + 1_000 * this.#random();
    this.#disturb();
  }

  flush(): void {
    this.store.flush();
    this.#disturb();
  }

  replicate(): void {
    this.store.replicate();
  }

  /** The primary is lost and the replica takes over: what was not replicated is lost, and everybody connects anew, if it is noticed. */
  failover(noticed: boolean): void {
    const { up } = this.store;
    if (noticed) this.redis(false);
    else this.#liedAt = this.#now;
    this.store.failover();
    this.redis(up);
    this.#disturb();
  }

  jump(ms: number): void {
    this.store.skew += ms;
    this.#liedAt = this.#now;
    this.setBackMs += Math.max(0, -ms);
    this.#disturb();
    // A clock that goes back makes all leases longer by as much.
    this.#disturbedAt += Math.max(0, -ms);
  }

  hold(): void {
    this.#held ??= [];
    this.#disturb();
  }

  /** Lets go what was held back: in reverse, and each twice. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const change of held.toReversed()) {
      this.#tell(change, true);
      this.#tell(change, true);
    }
    this.#disturb();
  }

  /** Tells once more what was told at some time. */
  replay(part: number): void {
    const change = this.#told[Math.floor(part * this.#told.length)];
    if (change !== undefined) this.#tell(change, true);
    this.#disturb();
  }

  /** Everything is mended. */
  heal(): void {
    this.redis(true);
    this.release();
    for (const owner of this.#owners) this.cutOwner(owner.instance.id, false);
    for (const owner of this.#owners) owner.cut = false;
    for (const which of [0, 1] as const) {
      this.sleep(which, false);
      this.deafen(which, false);
      this.cutFollower(which, false);
    }
  }

  wait(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = Math.min(...this.followers.map(({ nextAt }) => nextAt), ...this.#owners.map(nextBeatAt));
      if (next > end) break;
      this.#now = Math.max(this.#now, next);
      for (const owner of this.#owners) if (nextBeatAt(owner) <= this.#now) this.#beat(owner);
      for (const follower of this.followers) if (follower.nextAt <= this.#now) follower.run();
      this.#checkLater();
    }
    this.#now = end;
  }

  /** The ids of those who should be in every view. */
  get alive(): readonly string[] {
    return [...this.#newest].filter(([, owner]) => this.#wanted(owner)).map(([id]) => id);
  }

  #wanted(owner: Owner | undefined): boolean {
    return owner?.alive === true && owner.instance.status === 'up';
  }

  #isNewest(owner: Owner): boolean {
    return this.#newest.get(owner.instance.id) === owner;
  }

  #beat(owner: Owner, changed = false): void {
    owner.beatAt = this.#now + BEAT * (0.9 + 0.2 * this.#random());
    if (!owner.alive || owner.cut || !this.store.up) return;
    const known = changed ? 'unknown' : this.store.beat(owner.instance, this.#now);
    const fenced = known === 'fenced' || (known === 'unknown' && !this.store.register(owner.instance, this.#now));
    if (fenced) owner.beatAt = Number.POSITIVE_INFINITY;
  }

  #disturb(patience = SETTLED + RESYNC): void {
    this.#patience = patience;
    this.#disturbedAt = Math.max(this.#disturbedAt, this.#now);
    this.#check();
  }

  #tell(change: Change, again = false): void {
    if (!again) {
      this.#told.push(change);
      if (this.#held !== undefined) {
        this.#held.push(change);
        return;
      }
    }
    for (const follower of this.followers) follower.message(change);
  }

  /** What must hold at every moment. */
  #check(): void {
    for (const which of [0, 1] as const) this.#checkView(which);
  }

  /** What must hold as time goes by: a view that is the same as before was looked at. */
  #checkLater(): void {
    for (const which of [0, 1] as const) {
      if (this.followers[which].view.revision !== this.#looked[which]) this.#checkView(which);
      else this.#checkDead(which);
    }
  }

  #checkView(which: 0 | 1): void {
    const { instances, suspects, revision } = this.followers[which].view;
    this.#looked[which] = revision;
    const shown = new Map(instances.map((instance) => [instance.id, instance.generation]));
    for (const [id, generation] of shown) {
      const highest = this.#highest[which].get(id) ?? 0;
      if (generation < highest) this.#broken(`an older generation of ${id} won`);
      if (generation < (this.#left[which].get(id) ?? 0)) this.#broken(`${id} is still there after it left`);
      this.#highest[which].set(id, generation);
    }
    for (const owner of this.#known[which]) {
      if (!this.#wanted(owner) || !this.#isNewest(owner)) this.#known[which].delete(owner);
      else if (!shown.has(owner.instance.id))
        this.#broken(`${owner.instance.id} lives and is not in the view any more`);
    }
    const [gone] = shown.size === 0 ? this.#shown[which].filter((owner) => this.#wanted(owner)) : [];
    if (gone !== undefined) this.#broken(`${gone.instance.id} lives, and the view is empty`);
    this.#shown[which] = [];
    for (const [id, generation] of shown) {
      const owner = this.#newest.get(id);
      if (owner?.instance.generation !== generation) continue;
      this.#shown[which].push(owner);
      if (!suspects.has(id) && this.#wanted(owner) && !owner.cut) this.#known[which].add(owner);
    }
    this.#checkDead(which);
  }

  #checkDead(which: 0 | 1): void {
    const { instances, suspects } = this.followers[which].view;
    if (!this.#settled(which, suspects.size)) return;
    const dead = instances.find(({ id, generation }) => !this.answers(id, generation));
    if (dead !== undefined) this.#broken(`${dead.id} is dead and still there`);
  }

  /** Whether a follower has long had everything that it takes to know who is dead; the last of all never go by time alone. */
  #settled(which: 0 | 1, suspects: number): boolean {
    const patience = suspects === 1 ? this.#patience : SETTLED + RESYNC;
    if (this.#now <= this.#disturbedAt + patience || this.#held !== undefined) return false;
    const { reached, deaf, asleep } = this.followers[which];
    if (!reached || deaf || asleep) return false;
    return [...this.#newest.values()].some((owner) => this.#wanted(owner) && !owner.cut);
  }

  #broken(promise: string): never {
    throw new Error(`at ${this.#now}: ${promise}`);
  }
}

function nextBeatAt({ alive, cut, beatAt }: Owner): number {
  return alive && !cut ? beatAt : Number.POSITIVE_INFINITY;
}
