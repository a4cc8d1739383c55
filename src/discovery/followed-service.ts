import type { Timer } from '../core/clock.ts';
import { Turns } from '../core/turns.ts';
import { Listeners } from './listeners.ts';
import { memberOf } from './members.ts';
import { type Cursor, emptyMembership, type MembershipEvent, type Timing, viewOf, wanted } from './membership.ts';
import { nextTickAt, reduce } from './reduce.ts';
import type { Instance, RegistryScope, Traffic, View } from './registry.ts';
import { tellChange } from './view-change.ts';

/** A change by which so many more are known is told in a turn of its own. */
const MANY = 1_000;

/**
 * Keeps the membership of one service for a registry: applies what the registry heard, lets suspects go in time, tells the listeners.
 *
 * `view` is right at once; listeners hear of a burst of changes once, in the microtask after it (after one by which thousands are
 * known, in the next turn), and only when something but `asOf` changed. It owns one timer, which runs only while a suspect can go by time.
 */
export class FollowedService {
  readonly service: string;
  readonly #scope: RegistryScope;
  readonly #listeners: Listeners<View>;
  #state;
  #view: View;
  #told: View;
  #toldSoon = false;
  #closed = false;
  #timer: Timer | undefined;

  constructor(service: string, scope: RegistryScope, timing?: Timing) {
    this.service = service;
    this.#scope = scope;
    this.#listeners = new Listeners(service, scope.events);
    this.#state = emptyMembership(timing);
    this.#view = viewOf(this.#state);
    this.#told = this.#view;
  }

  get view(): View {
    if (this.#view.revision !== this.#state.revision) this.#view = viewOf(this.#state);
    else if (this.#view.asOf !== this.#state.asOf) this.#view = { ...this.#view, asOf: this.#state.asOf };
    return this.#view;
  }

  /** Where the registry stood when it was last heard; `undefined` before the first snapshot. */
  get cursor(): Cursor | undefined {
    return this.#state.at;
  }

  /** Whether anybody who wants calls is suspect. */
  get doubted(): boolean {
    return this.#state.members.some((member) => member.suspectAt !== undefined && wanted(member));
  }

  /** What is known of that id, whether it wants calls or not. */
  instance(id: string): Instance | undefined {
    return memberOf(this.#state.members, id)?.instance;
  }

  apply(event: MembershipEvent): void {
    if (this.#closed) return;
    const before = this.#state;
    this.#state = reduce(before, event, this.#scope.clock.now());
    const quiet = this.#state.revision === before.revision && this.#state.holdUntil === before.holdUntil;
    if (quiet || this.#toldSoon) return;
    this.#toldSoon = true;
    // So large a change took its time, and those who hear of it will take theirs.
    if (this.#state.members.length - before.members.length > MANY)
      void new Turns(this.#scope.clock).next().then(this.#tell);
    else queueMicrotask(this.#tell);
  }

  /** Calls `listener` with each new view, and asks `traffic` before a suspect goes; the function returned stops both. */
  listen(listener: (view: View) => void, traffic?: Traffic): () => void {
    return this.#listeners.add(listener, traffic);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  readonly #tell = (): void => {
    this.#toldSoon = false;
    if (this.#closed) return;
    this.#schedule();
    const { view } = this;
    const before = this.#told;
    if (view.revision === before.revision) return;
    this.#told = view;
    tellChange(this.#scope.events, this.service, before, view);
    this.#listeners.tell(view);
  };

  /** When each suspect last answered a call. */
  #answered(): ReadonlyMap<string, number> {
    return new Map([...this.view.suspects].map((id) => [id, this.#listeners.answeredAt(id)]));
  }

  #schedule(): void {
    this.#timer?.cancel();
    const { clock } = this.#scope;
    const at = nextTickAt(this.#state);
    this.#timer =
      at === undefined
        ? undefined
        : clock.background(Math.max(0, at - clock.now()), () => {
            this.apply({ kind: 'tick', dueAt: at, answered: this.#answered() });
            // What the tick left for later, or all of it when it found that this process had slept.
            this.#schedule();
          });
  }
}
