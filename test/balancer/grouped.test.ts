import { expect, test } from 'vitest';
import { pickGrouped } from '../../src/balancer/grouped.ts';
import { resolveHealth } from '../../src/balancer/health.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

const NOBODY: ReadonlySet<string> = new Set();
const context = () => new Context('players', { operation: 'GET', idempotent: true }, 0);

function endpoints(service: string, count: number): readonly Endpoint[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${service}-${i}`,
    service,
    host: '10.0.0.1',
    port: 8000 + i,
    protocol: 'http' as const,
    attributes: {},
    weight: 1,
    generation: 1,
  }));
}

/** A set whose services get these shares, with as many instances as said. */
function setup(parts: Readonly<Record<string, readonly [share: number, count: number]>>) {
  const clock = new ManualClock();
  const random = seededRandom(7);
  const events = new Events();
  const health = resolveHealth('health');
  const [unreachable, retired] = [() => {}, () => {}];
  const picker = p2c(random);
  const set = new NodeSet({ service: 'players', clock, random, events, health, picker, unreachable, retired });
  const groups = Object.entries(parts).map(([service, [share, count]]) => ({
    share,
    instances: endpoints(service, count),
  }));
  const all = groups.flatMap(({ instances }) => instances);
  set.update(all, NOBODY, groups);
  const pick = (ctx = context()) =>
    set.groups === undefined
      ? picker.pick(set.nodes, ctx, clock.now(), set.panicking)
      : pickGrouped(set.groups, picker, random, ctx, clock.now(), set.panicking);
  /** As many of a part as are said, or all of it. */
  const breakDown = (service: string, count = Number.POSITIVE_INFINITY) => {
    const part = set.nodes.filter(({ endpoint }) => endpoint.service === service);
    for (const node of part.slice(0, count)) {
      const ctx = context();
      set.begin(node, ctx, clock.now());
      set.report(node, 'unreachable', ctx, clock.now());
      set.end(node, ctx);
    }
  };
  const shares = (picks = 10_000, ended = true) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const ctx = context();
      const node = pick(ctx);
      const service = node?.endpoint.service ?? 'nobody';
      counts[service] = (counts[service] ?? 0) + 1;
      if (node === undefined) continue;
      set.begin(node, ctx, clock.now());
      if (ended) set.end(node, ctx);
    }
    return (service: string) => (counts[service] ?? 0) / picks;
  };
  return { set, groups, all, pick, shares, breakDown };
}

test.each<[v1: number, v2: number]>([
  [10, 10],
  [1, 1],
  [9, 1],
  [1, 50],
  [100, 1],
])('of 10,000 calls a split by 90 to 10 sends 10 %% to the second, be they %i and %i', (v1, v2) => {
  for (const ended of [true, false]) {
    const share = setup({ v1: [0.9, v1], v2: [0.1, v2] }).shares(10_000, ended);
    expect(Math.abs(share('v2') - 0.1)).toBeLessThan(0.02);
    expect(share('v1') + share('v2')).toBe(1);
  }
});

test('a part of which some are down keeps its share', () => {
  const { shares, breakDown } = setup({ v1: [0.9, 10], v2: [0.1, 3] });
  breakDown('v1', 4);
  breakDown('v2', 2);
  expect(Math.abs(shares()('v2') - 0.1)).toBeLessThan(0.01);
});

test('a part that is down gives its calls to the largest that is not, and gets them again', () => {
  const { shares, breakDown } = setup({ v1: [0.05, 2], v2: [0.15, 2], v3: [0.8, 6] });
  breakDown('v2');
  const share = shares();
  expect(share('v2')).toBe(0);
  expect(Math.abs(share('v1') - 0.05)).toBeLessThan(0.02);
  breakDown('v1');
  breakDown('v3');
  expect(shares()('nobody')).toBe(0);
});

test('a retry leaves the part in which all were tried', () => {
  const { pick } = setup({ v1: [0.1, 1], v2: [0.9, 1] });
  for (let i = 0; i < 200; i++) {
    const call = context();
    const first = call.fork(0);
    first.endpoint = pick(first)?.endpoint;
    const second = call.fork(0);
    expect(pick(second)?.endpoint.service).not.toBe(first.endpoint?.service);
  }
});

test('a part of which nobody is left in the set is left out, and one alone is no split', () => {
  const { set, groups, all, shares } = setup({ v1: [0.5, 2], v2: [0.25, 2], v3: [0.25, 2] });
  set.update(
    all.filter(({ service }) => service !== 'v1'),
    NOBODY,
    groups,
  );
  const share = shares();
  expect(share('v1')).toBe(0);
  expect(Math.abs(share('v2') - 0.5)).toBeLessThan(0.02);
  set.update(
    all.filter(({ service }) => service === 'v2'),
    NOBODY,
    groups,
  );
  expect(set.groups).toBe(undefined);
  set.update([], NOBODY);
  expect(shares(1)('nobody')).toBe(1);
});
