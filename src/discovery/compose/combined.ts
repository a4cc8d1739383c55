import type { Timer } from '../../core/clock.ts';
import { Listeners } from '../listeners.ts';
import type { Instance, RegistryScope, Traffic, View, Watch } from '../registry.ts';
import { tellChange } from '../view-change.ts';
import type { Combination, Combine, CombinedView, Group, Origin } from './combination.ts';
import { GuardedWatch, type Source } from './guarded-watch.ts';

interface CombinedParts {
  readonly service: string;
  readonly scope: Pick<RegistryScope, 'clock' | 'events'>;
  readonly sources: readonly Source[];
  readonly combine: Combine;
  /** How long a part that has not answered yet is waited for. */
  readonly patienceMs: number;
  /** Whether a change is told as an event; asked at each. */
  readonly told: () => boolean;
}

/**
 * Keeps one view of several watches. `view` is right at once; listeners hear of a burst of changes once, in the microtask after it, and only
 * when something but `asOf` changed. It owns one timer, which runs only until every part has answered, or is no longer waited for.
 */
export class Combined {
  readonly #given: CombinedParts;
  readonly #parts: readonly Watch[];
  readonly #listeners: Listeners<CombinedView>;
  #made: { readonly of: readonly View[]; readonly patient: boolean; readonly combination: Combination };
  #view: CombinedView;
  #told: CombinedView;
  #toldSoon = false;
  #closed = false;
  #patience: Timer | undefined;

  constructor(given: CombinedParts) {
    const { service, sources, scope, combine, patienceMs } = given;
    this.#given = given;
    this.#listeners = new Listeners(service, scope.events);
    this.#parts = sources.map(({ name, open }, part) => {
      const traffic: Traffic = { answeredAt: (id) => this.#answeredAt({ part, id }) };
      return new GuardedWatch(name, scope.events, () => open(this.#changed, traffic));
    });
    const views = this.#parts.map(({ view }) => view);
    if (views.some(({ state }) => state === 'pending')) {
      this.#patience = scope.clock.background(patienceMs, () => {
        this.#patience = undefined;
        this.#changed();
      });
    }
    const patient = this.#patience !== undefined;
    const combination = combine(views, patient);
    this.#made = { of: views, patient, combination };
    this.#view = viewOf(combination, 0);
    this.#told = this.#view;
  }

  get view(): CombinedView {
    if (this.#closed) return this.#view;
    const views = this.#parts.map(({ view }) => view);
    const patient = this.#patience !== undefined;
    const before = this.#made;
    if (before.patient === patient && sameItems(before.of, views)) return this.#view;
    const combination = this.#given.combine(views, patient);
    this.#made = { of: views, patient, combination };
    const { revision, asOf } = this.#view;
    if (!sameContent(before.combination, combination)) this.#view = viewOf(combination, revision + 1);
    else if (asOf !== combination.asOf) this.#view = { ...this.#view, asOf: combination.asOf };
    return this.#view;
  }

  /** The views of the parts, in their order. */
  get views(): readonly View[] {
    return this.#made.of;
  }

  get patient(): boolean {
    return this.#patience !== undefined;
  }

  /** Calls `listener` with each new view, and lets the parts ask `traffic`; the function returned stops both. */
  listen(listener: (view: CombinedView) => void, traffic?: Traffic): () => void {
    return this.#listeners.add(listener, traffic);
  }

  /** Goes to whoever listed the endpoint. */
  failed(id: string): void {
    const { of, combination } = this.#made;
    if (combination.origin !== undefined) {
      const origin = combination.origin(id);
      if (origin !== undefined) this.#parts[origin.part]?.failed(origin.id);
      return;
    }
    of.forEach((view, i) => {
      if (view.instances.some((instance) => instance.id === id)) this.#parts[i]?.failed(id);
    });
  }

  close(): void {
    this.#closed = true;
    this.#patience?.cancel();
    this.#listeners.clear();
    for (const part of this.#parts) part.close();
  }

  /** When calls last saw an instance of a part answer well. */
  #answeredAt(origin: Origin): number {
    return this.#listeners.answeredAt(this.#made.combination.shown?.(origin) ?? origin.id);
  }

  readonly #changed = (): void => {
    if (this.#closed || this.#toldSoon) return;
    this.#toldSoon = true;
    queueMicrotask(this.#tell);
  };

  readonly #tell = (): void => {
    this.#toldSoon = false;
    if (this.#closed) return;
    const { view } = this;
    if (!this.#made.of.some(({ state }) => state === 'pending')) {
      this.#patience?.cancel();
      this.#patience = undefined;
    }
    const before = this.#told;
    if (view.revision === before.revision) return;
    this.#told = view;
    const { service, scope, told } = this.#given;
    if (told()) tellChange(scope.events, service, before, view);
    this.#listeners.tell(view);
  };
}

function viewOf(combination: Combination, revision: number): CombinedView {
  const { state, instances, suspects, asOf, reason, from, groups } = combination;
  return { state, instances, suspects, revision, asOf, reason, from, groups };
}

/** Whether both say the same but for when. */
function sameContent(a: Combination, b: Combination): boolean {
  return (
    a.state === b.state &&
    a.reason === b.reason &&
    a.from === b.from &&
    sameInstances(a.instances, b.instances) &&
    sameSuspects(a.suspects, b.suspects) &&
    sameGroups(a.groups, b.groups)
  );
}

function sameInstances(a: readonly Instance[], b: readonly Instance[]): boolean {
  return a === b || sameItems(a, b);
}

function sameSuspects(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a === b || (a.size === b.size && [...a].every((id) => b.has(id)));
}

function sameGroups(a: readonly Group[] = [], b: readonly Group[] = []): boolean {
  return (
    a.length === b.length &&
    a.every((group, i) => group.share === b[i]?.share && sameInstances(group.instances, b[i].instances))
  );
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
