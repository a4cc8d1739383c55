import type { PlacedFilter } from './filter-stack.ts';

/** A filter of the application, where it stands, and whose calls pass through it. */
export interface ExplainedFilter {
  readonly name: string;
  /** Such as `before retry`. */
  readonly place: string;
  /** Such as `wrap(got)`, or `client('players')`. */
  readonly of: string;
}

/** Remembers which filters the application put into the stacks of its clients, for `explain`. */
export class AddedFilters {
  /** By what they say, so that a client made again and again is kept once. */
  readonly #all = new Map<string, ExplainedFilter & { readonly service: string | undefined }>();

  /** `service` is `undefined` for a client that calls any. */
  add(of: string, service: string | undefined, filters: readonly Omit<PlacedFilter<never, never>, 'filter'>[]): void {
    for (const { name, side, role } of filters) {
      const place = `${side} ${role}`;
      this.#all.set(`${of} ${place} ${name}`, { name, place, of, service });
    }
  }

  of(service: string): readonly ExplainedFilter[] {
    return [...this.#all.values()]
      .filter((one) => one.service === undefined || one.service === service)
      .map(({ name, place, of }) => ({ name, place, of }));
  }
}
