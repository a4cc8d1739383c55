import type { Clock } from '../core/clock.ts';
import { Turns } from '../core/turns.ts';
import type { Node } from './node.ts';

/** A table of so many steps is made at once: that takes about a millisecond. */
const AT_ONCE = 20_000;
/** After one that was made in slices none is begun for so many times as long as it took. */
const REST = 9;

/** A table in the making; it yields every few hundred steps. */
export type Making<T> = Generator<void, T, void>;

interface Entry<T> {
  /** Of these nodes, or while that is being made of those before them; `undefined` when nothing can stand in. */
  table: T | undefined;
  fresh: boolean;
}

/**
 * The tables of arrays of nodes. A large one is made in slices, so that everything else goes on meanwhile, and seldom enough to take no more than a
 * tenth of the time; until it is there, the one of the nodes before stands in. Some of those may have left.
 */
export class Tables<T> {
  readonly #clock: Clock;
  readonly #make: (nodes: readonly Node[]) => Making<T>;
  readonly #steps: (nodes: readonly Node[]) => number;
  readonly #entries = new WeakMap<readonly Node[], Entry<T>>();
  #last: readonly Node[] = [];
  #entry: Entry<T> = { table: undefined, fresh: true };
  #restUntil = Number.NEGATIVE_INFINITY;

  /** `steps`: about how many it takes. */
  constructor(clock: Clock, make: (nodes: readonly Node[]) => Making<T>, steps: (nodes: readonly Node[]) => number) {
    this.#clock = clock;
    this.#make = make;
    this.#steps = steps;
  }

  of(nodes: readonly Node[], now: number): T | undefined {
    if (nodes !== this.#last) this.#turnTo(nodes);
    const entry = this.#entry;
    if (!entry.fresh && now >= this.#restUntil) this.#renew(nodes, entry);
    return entry.table;
  }

  #turnTo(nodes: readonly Node[]): void {
    let entry = this.#entries.get(nodes);
    if (entry === undefined) {
      entry = { table: follow(this.#last, nodes) ? this.#entry.table : undefined, fresh: false };
      this.#entries.set(nodes, entry);
    }
    this.#last = nodes;
    this.#entry = entry;
  }

  #renew(nodes: readonly Node[], entry: Entry<T>): void {
    const making = this.#make(nodes);
    if (this.#steps(nodes) > AT_ONCE) {
      this.#restUntil = Number.POSITIVE_INFINITY;
      void this.#inSlices(making, entry);
      return;
    }
    let step = making.next();
    while (!step.done) step = making.next();
    entry.table = step.value;
    entry.fresh = true;
  }

  async #inSlices(making: Making<T>, entry: Entry<T>): Promise<void> {
    const turns = new Turns(this.#clock);
    // Not a step of it within a pick.
    await turns.next();
    const begun = this.#clock.now();
    let step = making.next();
    while (!step.done) {
      if (turns.over) await turns.next();
      step = making.next();
    }
    entry.table = step.value;
    entry.fresh = true;
    const ended = this.#clock.now();
    this.#restUntil = ended + REST * (ended - begun);
  }
}

/** Whether nodes come after those before in the same set or part of it, and not from another: then all who have not left are among them, in the same order. */
function follow(before: readonly Node[], nodes: readonly Node[]): boolean {
  let place = 0;
  for (const node of before) {
    if (node.retired) continue;
    while (place < nodes.length && nodes[place] !== node) place++;
    if (place++ >= nodes.length) return false;
  }
  return true;
}
