/** What a server says of itself with an answer. Numbers that make no sense are left out by whoever reads them off the wire. */
export interface LoadReport {
  /** Requests that the process is working on, from all of its callers. At least 0. */
  readonly rif: number;
  /** How long it takes for one, without the network. Milliseconds, at least 0. */
  readonly serviceMs: number;
  /** The share of what it can do that it does, where it knows: 1 is all of it. */
  readonly utilisation?: number | undefined;
}
