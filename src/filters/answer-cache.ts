import type { MadeResponse } from '../core/http-binding.ts';
import { BoundedAnswers, type Bounds, bytesOf } from './bounded-answers.ts';
import type { Asked } from './cache-headers.ts';
import type { Terms } from './cache-rules.ts';

/** Most answers to one path, for the same people, that differ by headers. */
const MOST_VARIANTS = 32;

/** An answer that is kept, and on which terms. Only `refreshing` changes. */
export interface KeptAnswer {
  readonly made: MadeResponse;
  readonly terms: Terms;
  /** Whether one that is old is being asked after, beside the calls. */
  refreshing: boolean;
}

/** A request on its way, whose answer is to be kept. */
export interface Asking {
  readonly path: string;
  /** Whether the path was changed meanwhile: the answer may be that of before. */
  changed: boolean;
}

/** The answers to one path for the same people. */
interface Place {
  readonly path: string;
  readonly scope: string;
  /** Headers by which they differ. */
  readonly vary: readonly string[];
  readonly keys: Set<string>;
}

interface Stored {
  readonly place: Place;
  readonly kept: KeptAnswer;
}

/** The answers of a service that are kept, whichever client asked: by path, by whom they are for, and by the headers that they differ by. */
export class AnswerCache {
  readonly #stored: BoundedAnswers<Stored>;
  readonly #places = new Map<string, Map<string, Place>>();
  readonly #asking = new Map<string, Set<Asking>>();

  constructor(bounds: Bounds) {
    this.#stored = new BoundedAnswers(bounds, (key, { place }) => this.#left(place, key));
  }

  find(asked: Asked): KeptAnswer | undefined {
    const place = this.#placeOf(asked);
    return place && this.#stored.use(keyOf(asked, place.vary))?.kept;
  }

  /** Keeps an answer in the place of the one that would have been found. */
  keep(asked: Asked, kept: KeptAnswer): void {
    const { vary } = kept.terms;
    const key = keyOf(asked, vary);
    this.#stored.forget(key);
    const before = this.#placeOf(asked);
    if (before !== undefined && before.vary.join() !== vary.join()) {
      // What differed by other headers would be found no more.
      for (const other of before.keys) this.#stored.forget(other);
    } else if (before !== undefined && before.keys.size >= MOST_VARIANTS) {
      for (const oldest of [...before.keys].slice(0, 1)) this.#stored.forget(oldest);
    }
    const place = this.#placeOf(asked) ?? this.#addPlace(asked, vary);
    place.keys.add(key);
    this.#stored.keep(key, { place, kept }, bytesOf(key, kept.made));
  }

  /** Forgets this answer, unless another has taken its place. */
  forget(asked: Asked, kept: KeptAnswer): void {
    const key = keyOf(asked, kept.terms.vary);
    if (this.#stored.get(key)?.kept === kept) this.#stored.forget(key);
  }

  /** Something changed what is at this path: all answers to it are forgotten, and those on their way are not kept. */
  changed(path: string): void {
    for (const { keys } of [...(this.#places.get(path)?.values() ?? [])])
      for (const key of keys) this.#stored.forget(key);
    for (const asking of this.#asking.get(path) ?? []) asking.changed = true;
  }

  /** Says that an answer is on its way; `arrived` says that it is not any more. */
  ask(path: string): Asking {
    const asking = { path, changed: false };
    const others = this.#asking.get(path);
    if (others === undefined) this.#asking.set(path, new Set([asking]));
    else others.add(asking);
    return asking;
  }

  arrived(asking: Asking): void {
    const all = this.#asking.get(asking.path);
    all?.delete(asking);
    if (all?.size === 0) this.#asking.delete(asking.path);
  }

  #placeOf({ path, scope }: Asked): Place | undefined {
    return this.#places.get(path)?.get(scope);
  }

  #addPlace({ path, scope }: Asked, vary: readonly string[]): Place {
    const place: Place = { path, scope, vary, keys: new Set() };
    const others = this.#places.get(path);
    if (others === undefined) this.#places.set(path, new Map([[scope, place]]));
    else others.set(scope, place);
    return place;
  }

  #left({ path, scope, keys }: Place, key: string): void {
    keys.delete(key);
    if (keys.size > 0) return;
    const others = this.#places.get(path);
    others?.delete(scope);
    if (others?.size === 0) this.#places.delete(path);
  }
}

/** What only the same request has. A header may have any text, so that texts are not simply put one after the other. */
function keyOf({ path, scope, headers }: Asked, vary: readonly string[]): string {
  return JSON.stringify([path, scope, ...vary.map((name) => [name, headers[name]])]);
}
