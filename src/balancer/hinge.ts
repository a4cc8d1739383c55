import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { integers, type Random } from '../core/random.ts';
import type { Service } from '../core/service.ts';
import { pickGrouped } from './grouped.ts';
import { type Node, nodeOf } from './node.ts';
import type { NodeSet } from './node-set.ts';
import type { SoftNack } from './soft-nack.ts';

interface HingeParts<Req, Res> {
  readonly nodes: NodeSet;
  readonly clock: Clock;
  readonly random: Random;
  /** Says up to what load the node may be used; without it any node may be. */
  readonly softNack: SoftNack | undefined;
  /** The endpoint stack. */
  readonly endpoint: Service<Req, Res>;
  /** The hash of what a call is spread by, for a picker that wants one; asked once per call, which rejects with what it throws. */
  readonly hashOf?: ((req: Req, ctx: Context) => number | undefined) | undefined;
  /** Asked when the set is empty: resolves once it may not be, rejects with the reason why nobody can be called. */
  readonly filled: (ctx: Context) => Promise<void>;
}

/**
 * Joins the stack of a service to that of its endpoints: picks a node for each attempt and counts it there from now until its end,
 * which is the end of the body and not of the head.
 */
export function hinge<Req, Res>(parts: HingeParts<Req, Res>): Service<Req, Res> {
  const { nodes, clock, random, softNack, endpoint, hashOf, filled } = parts;
  const draw = integers(random);
  const ended = { hear: (_error: unknown, ctx: Context) => nodes.end(nodeOf(ctx), ctx) };

  const pick = (ctx: Context, now: number) => {
    const { panicking, picker } = nodes;
    const groups = nodes.groupsAt(now);
    const node =
      groups === undefined
        ? picker.pick(nodes.nodes, ctx, now, panicking)
        : pickGrouped(groups, picker, draw, ctx, now, panicking);
    if (node === undefined) return undefined;
    ctx.limit = softNack?.limit(node, ctx, now);
    nodes.begin(node, ctx, now);
    return node;
  };
  const send = (node: Node, req: Req, ctx: Context): Promise<Res> => {
    ctx.endpoint = node.endpoint;
    ctx.node = node;
    ctx.onEnd(ended);
    return endpoint(req, ctx);
  };
  const wait = async (req: Req, ctx: Context): Promise<Res> => {
    for (;;) {
      await filled(ctx);
      const node = pick(ctx, clock.now());
      if (node !== undefined) return send(node, req, ctx);
    }
  };

  return (req, ctx) => {
    if (hashOf !== undefined && ctx.attempt <= 1) {
      try {
        ctx.root.hash = hashOf(req, ctx);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    // An attempt is made to be sent: it starts now.
    const node = pick(ctx, ctx.startedAt);
    return node === undefined ? wait(req, ctx) : send(node, req, ctx);
  };
}
