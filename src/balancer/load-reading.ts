/**
 * What is known of a node at one moment, put here by whoever computes it for whoever asked. Not returned: three numbers would need an object for each time, and a
 * fraction that a function returns may be one too. One reading serves all picks of a picker.
 */
export class LoadReading {
  /** Given, not answered: the part of the traffic that the node should have, relative to the one that should have most. What is presumed of it is so much less. */
  portion = 1;
  /** How long the node takes for a request; NaN while no node has answered. Milliseconds. */
  serviceMs: number = Number.NaN;
  /** Requests in flight at the node. */
  rif: number = Number.NaN;
  /** The share of attempts that failed of late, 0 to 1. */
  failing: number = Number.NaN;
}
