import type { Health } from '../../src/balancer/health.ts';
import { type HealthOptions, resolveHealth } from '../../src/balancer/health-options.ts';
import type { Node } from '../../src/balancer/node.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import type { MakePicker } from '../../src/balancer/picker.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

const NOBODY: ReadonlySet<string> = new Set();

export function endpoint(n: number, weight = 1): Endpoint {
  return {
    id: `p-${String(n).padStart(5, '0')}`,
    service: 'players',
    host: '10.0.0.1',
    port: 1 + n,
    protocol: 'http',
    attributes: {},
    weight,
    generation: 1,
  };
}

export const endpoints = (count: number, weightOf = (_: number) => 1): readonly Endpoint[] =>
  Array.from({ length: count }, (_, i) => endpoint(i, weightOf(i)));

/** The share of its weight that an endpoint should get. */
export function shareOf(health: Health, now: number): number {
  const weighed = { portion: Number.NaN };
  health.weigh(weighed, now);
  return weighed.portion;
}

interface Wanted {
  readonly make: MakePicker;
  readonly of: readonly Endpoint[];
  readonly seed?: number;
  readonly health?: HealthOptions;
}

/** A set of nodes with a picker, its clock and its chance held by the test. */
export function setup({ make, of, seed = 1, health = {} }: Wanted) {
  const clock = new ManualClock();
  const random = seededRandom(seed);
  const set = new NodeSet({
    service: 'players',
    clock,
    random,
    events: new Events(),
    health: resolveHealth('health', health),
    picker: make(random, clock),
    unreachable: () => {},
    retired: () => {},
  });
  set.update(of, NOBODY);

  const keys = seededRandom(seed + 1);
  /** A call; each has another key. */
  const call = (idempotent = true) => {
    const ctx = new Context('players', { operation: 'GET', idempotent }, clock.now());
    ctx.hash = (keys() * 2 ** 32) | 0;
    return ctx;
  };
  const at = (i: number): Node => {
    const node = set.nodes[i];
    if (node === undefined) throw new Error(`there is no node ${i}`);
    return node;
  };
  const pick = (ctx = call()) => set.picker.pick(set.nodes, ctx, clock.now(), set.panicking);
  /** An attempt at a node from its beginning to its end, which takes no time. */
  const attempt = (node: Node, outcome: Parameters<NodeSet['report']>[1]) => {
    const ctx = call();
    set.begin(node, ctx, clock.now());
    set.report(node, outcome, ctx, clock.now());
    set.end(node, ctx);
  };
  /** The same, and it takes so long. */
  const answer = async (node: Node, ms: number, outcome: Parameters<NodeSet['report']>[1] = 'success') => {
    const ctx = call();
    set.begin(node, ctx, clock.now());
    await clock.advance(ms);
    set.report(node, outcome, ctx, clock.now());
    set.end(node, ctx);
  };
  const breakDown = (...nodes: readonly Node[]) => {
    for (const node of nodes) attempt(node, 'unreachable');
  };
  /** What part of `picks` each node gets. */
  const shares = (picks: number): number[] => {
    const counts = new Map<Node, number>(set.nodes.map((node) => [node, 0]));
    for (let i = 0; i < picks; i++) {
      const node = pick();
      if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return set.nodes.map((node) => (counts.get(node) ?? 0) / picks);
  };
  return {
    clock,
    set,
    call,
    at,
    pick,
    attempt,
    answer,
    breakDown,
    shares,
    update: (to: readonly Endpoint[]) => set.update(to, NOBODY),
  };
}
