import type { Clock, Timer } from '../core/clock.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { below, jittered, type Random } from '../core/random.ts';
import type { ResolvedChecks } from './check-options.ts';
import type { Found } from './health.ts';
import type { Node } from './node.ts';
import type { NodeSet } from './node-set.ts';

/** What one check came to. */
export interface Finding {
  /** `refused` for its load says nothing of its health: it is as if it had not been asked. */
  readonly found: Found | 'refused';
  /** In words, such as `answered 503`. */
  readonly reason: string;
}

/** Checks one endpoint; never rejects. `undefined` when it cannot be checked now. */
export type Check = (endpoint: Endpoint, options: ResolvedChecks) => Promise<Finding> | undefined;

interface CheckerParts {
  readonly nodes: NodeSet;
  readonly options: ResolvedChecks;
  readonly clock: Clock;
  readonly random: Random;
  readonly check: Check;
}

/** Checks of one service under way at once. While so many hang, the others are asked less often. */
const MOST = 100;
/** Of many endpoints several are checked at a time, so that there are not more turns than these. */
const SHORTEST_MS = 20;
const JITTER = 0.2;

/** How the last checks of a node went. */
interface Tally {
  /** How many in a row passed, or, below 0, failed. */
  streak: number;
  out: boolean;
}

/**
 * Has each endpoint of a set that may get calls checked once in each interval, one after the other: so the checks are spread over the interval by themselves, with
 * one timer for all. Where in the list it begins, and how long before that, is chance, so that processes which start together do not check
 * together. One that joins is used at once, and is checked within two intervals. The process does not stay alive for it.
 */
export class Checker {
  readonly #parts: CheckerParts;
  readonly #tallies = new WeakMap<Node, Tally>();
  /** Ids of endpoints: one may leave and come back meanwhile. */
  readonly #underWay = new Set<string>();
  /** The list as it was when this round began, and whose turn it is. */
  #round: readonly Node[] = [];
  #next = 0;
  #started = false;
  /** Checks that are due: grows with time. */
  #due = 0;
  #lookedAt: number;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(parts: CheckerParts) {
    this.#parts = parts;
    this.#lookedAt = parts.clock.now();
    this.#arm(parts.random() * this.#pauseMs());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#parts.clock.background(delayMs, () => {
      this.#turn();
      this.#arm(jittered(this.#parts.random, this.#pauseMs(), JITTER));
    });
  }

  /** Time from one turn to the next: half of what would do, so that jitter does not make two due at once. */
  #pauseMs(): number {
    const { nodes, options } = this.#parts;
    return Math.max(SHORTEST_MS, options.intervalMs / (2 * Math.max(1, nodes.usable.length)));
  }

  #turn(): void {
    const { clock, nodes, options } = this.#parts;
    const now = clock.now();
    const { length } = nodes.usable;
    const share = ((now - this.#lookedAt) * length) / options.intervalMs;
    this.#lookedAt = now;
    // What was missed, because too many were under way or the process slept, is not made up for in one go.
    this.#due = Math.min(this.#due + share, length, MOST);
    while (this.#due >= 1 && this.#underWay.size < MOST) {
      const node = this.#take();
      if (node === undefined) return;
      this.#due--;
      this.#check(node);
    }
  }

  /** The next one in the list that can be checked. */
  #take(): Node | undefined {
    for (let tried = 0; tried <= this.#round.length; tried++) {
      if (this.#next >= this.#round.length) this.#beginRound();
      const node = this.#round[this.#next++];
      if (node !== undefined && !node.retired && !this.#underWay.has(node.endpoint.id)) return node;
    }
    return undefined;
  }

  #beginRound(): void {
    const { nodes, random } = this.#parts;
    const before = this.#round;
    this.#round = nodes.usable;
    this.#next = this.#started ? 0 : below(random, this.#round.length);
    this.#started = this.#round.length > 0;
    if (this.#round === before) return;
    const asked = new Set(this.#round);
    for (const node of before) if (!asked.has(node)) this.#letGo(node);
  }

  /** One that is not asked any more, since it left, or left the subset: what was found of it would stay said for ever. */
  #letGo(node: Node): void {
    const out = this.#tallies.get(node)?.out === true;
    this.#tallies.delete(node);
    if (out && !node.retired) this.#parts.nodes.checked(node, 'well', 'it is not checked any more');
  }

  #check(node: Node): void {
    const { check, options } = this.#parts;
    const finding = check(node.endpoint, options);
    if (finding === undefined) return;
    if (!this.#tallies.has(node)) this.#tallies.set(node, { streak: 0, out: false });
    this.#underWay.add(node.endpoint.id);
    void finding.then((heard) => {
      this.#underWay.delete(node.endpoint.id);
      const tally = this.#tallies.get(node);
      if (!this.#stopped && !node.retired && tally !== undefined) this.#heard(node, tally, heard);
    });
  }

  #heard(node: Node, tally: Tally, { found, reason }: Finding): void {
    const { nodes, options } = this.#parts;
    if (found === 'refused') return;
    if (found === 'well') {
      tally.streak = Math.max(1, tally.streak + 1);
      // A refused connection is the one thing said against a node that a check disproves.
      if (tally.streak < options.rise || !(tally.out || node.health.unreachable)) return;
      tally.out = false;
      nodes.checked(node, found, 'its checks pass');
    } else {
      tally.streak = Math.min(-1, tally.streak - 1);
      if (-tally.streak < options.fall) return;
      tally.out = true;
      nodes.checked(node, found, `${-tally.streak} checks in a row failed: ${reason}`);
    }
  }
}
