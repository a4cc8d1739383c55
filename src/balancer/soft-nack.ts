import type { Context } from '../core/context.ts';
import { softlyRefused } from '../core/errors.ts';
import { Ewma } from '../core/ewma.ts';
import type { Node } from './node.ts';
import type { NodeSet } from './node-set.ts';

/** Refusals that one call takes; after them it goes where it is sent, without a limit. */
export const MOST_REFUSALS = 2;
/** A request must take so many round trips that one is worth a better place. */
const ROUND_TRIPS = 3;
/** After so long what a round trip takes is found out anew. */
const FORGOTTEN_MS = 30_000;

/**
 * Lets busy servers refuse. A request carries the limit `round(mean + 1)`, the mean being that of the requests in flight over the servers
 * of its service; a server of the mesh that would have more with it, and is slower than when it is idle, refuses it unexecuted. For a client that calls rarely
 * this is the only news of a server's load that is not old (Eager, Lazowska and Zahorjan, 1986: policies with a threshold need no more).
 *
 * Who refused has said with that how busy it is. When it is still the best by its score, since the others are slower, the call goes back to it, and it must take it.
 *
 * A refusal costs a round trip, so there is no limit while requests take less than three of them. What a round trip takes is known from
 * the refusals themselves; when there was none for 30 s it is found out by the next.
 */
export class SoftNack {
  readonly #nodes: NodeSet;
  #roundTripMs = new Ewma(0.3);
  #refusedAt = Number.NEGATIVE_INFINITY;

  constructor(nodes: NodeSet) {
    this.#nodes = nodes;
  }

  /** Most requests that the server of this attempt, which goes to `node`, may have in flight with it and not refuse it; `undefined` for no limit. */
  limit(node: Node, attempt: Context, now: number): number | undefined {
    const { root } = attempt;
    if (root.refusals >= MOST_REFUSALS || root.streamed || !root.replayable) return undefined;
    if (refusedBy(node, attempt)) return undefined;
    const { nodes, means } = this.#nodes;
    if (nodes.length < 2 || means.rif.count === 0) return undefined;
    const { value: roundTripMs } = this.#roundTripMs;
    const known = roundTripMs !== undefined && now - this.#refusedAt < FORGOTTEN_MS;
    if (known && means.serviceMs.value < ROUND_TRIPS * roundTripMs) return undefined;
    return Math.round(means.rif.value + 1);
  }

  /** Takes in what a refusal took. */
  refused(ms: number, now: number): void {
    if (now - this.#refusedAt >= FORGOTTEN_MS) this.#roundTripMs = new Ewma(0.3);
    this.#roundTripMs.add(ms);
    this.#refusedAt = now;
  }
}

/** Whether the node refused an earlier attempt of the same call. */
function refusedBy(node: Node, { previous }: Context): boolean {
  for (let earlier = previous; earlier !== undefined; earlier = earlier.previous) {
    if (earlier.endpoint?.id === node.endpoint.id && softlyRefused(earlier.error)) return true;
  }
  return false;
}
