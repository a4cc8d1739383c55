import type { Context } from '../core/context.ts';
import { softlyRefused } from '../core/errors.ts';
import type { Weighed } from './health.ts';
import type { Node } from './node.ts';

/** A success this recent proves that a node lives, whatever its lease says. */
const PROOF_MS = 10_000;

/** A node that has been due for a probe this long gets any call, not only one that can be sent again. */
const OVERDUE_MS = 10_000;

/** A node that nobody objects to. */
export const GOOD = 0;

/**
 * How much speaks against sending this attempt to a node, before any load is looked at: lower is better, 0 is nothing, and below 0 it is
 * due for a probe.
 *
 * An endpoint that this call has already tried is the last resort, as long as another is known. One that refused it as busy was not tried: what it said of its load
 * decides, and where all others are slower it is still the best. A probe is given to a first attempt
 * that can be sent again; only when none has come for ten seconds is any other call used for it.
 */
export function rank(node: Node, ctx: Context, now: number, panicking: boolean): number {
  if (ctx.previous !== undefined && tried(node, ctx)) return 4;
  if (node.plain) return GOOD;
  const fitness = node.health.fitness(now);
  if (fitness === 'busy') {
    if (ctx.attempt > 1) return 1;
    return ctx.idempotent || node.health.overdue(OVERDUE_MS, now) ? -1 : 1;
  }
  if (fitness === 'down' && (!panicking || node.health.unreachable)) return 2;
  node.plain = !node.suspect && fitness === 'up' && node.health.full(now);
  return node.suspect && !node.answeredWithin(PROOF_MS, now) ? 1 : GOOD;
}

/**
 * Puts the part of the traffic that a node should have, relative to the others, where it is asked for: its weight, and less while it starts slowly. Not returned: a
 * fraction may be allocated.
 */
export function weigh(into: Weighed, node: Node, now: number): void {
  const { weight } = node.endpoint;
  if (node.plain) {
    into.portion = weight;
    return;
  }
  node.health.weigh(into, now);
  into.portion *= weight;
}

/** Whether an attempt made before this one, or any of this call, was at the node. */
export function tried(node: Node, ctx: Context): boolean {
  for (let earlier = ctx.previous; earlier !== undefined; earlier = earlier.previous) {
    if (earlier.endpoint?.id === node.endpoint.id && !softlyRefused(earlier.error)) return true;
  }
  return false;
}
