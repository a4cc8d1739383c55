/** Names that stand for others during one request, in all calls that are made for it. Immutable. */
export interface NameOverride {
  /** By the name that is called: the one that is looked up first in its place. */
  readonly names: ReadonlyMap<string, string>;
  /** The same as `mesh-names` carries it, always in the same order. */
  readonly header: string;
}
