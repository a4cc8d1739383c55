import { LoadTable } from './load-table.ts';

/** What is usual in a set. Kept up to date as one node changes, so that no pick has to look at all of them. */
export class LoadMeans {
  readonly table: LoadTable = new LoadTable();
  /** Mean time to a successful answer, over the nodes that gave one. Milliseconds. */
  readonly latencyMs: Mean = new Mean();
  /** The same, as the nodes report it themselves where they do. */
  readonly serviceMs: Mean = new Mean();
  /** Requests in flight at a node, from all of its callers, over the nodes that report. */
  readonly rif: Mean = new Mean();
  /** Attempts of this process on their way, to all nodes together. */
  running = 0;
  /** The weights of all nodes together. */
  weight = 0;
  /** What the next sample of the service time of a node is. */
  sampleMs: number = Number.NaN;
  /** How long a request takes at the node that was looked at last; NaN while none has answered. */
  foundMs: number = Number.NaN;
}

/**
 * The mean of what was last known of each node, over those that something is known of. Who changes what is known of one changes `sum` and `value`, and does not hand
 * the difference on: a fraction that a function is given or returns may be allocated.
 */
export class Mean {
  sum = 0;
  /** How many something is known of. */
  count = 0;
  /** The mean; NaN when nothing is known of any. */
  value: number = Number.NaN;

  /** Something becomes known of one more. */
  join(value: number): void {
    this.count++;
    this.sum += value;
    this.value = this.sum / this.count;
  }

  leave(value: number): void {
    this.count--;
    // What rounding left behind must not stay.
    this.sum = this.count === 0 ? 0 : this.sum - value;
    this.value = this.sum / this.count;
  }
}
