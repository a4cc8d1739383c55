import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type HealthOptions, resolveHealth } from '../../src/balancer/health-options.ts';
import type { Node } from '../../src/balancer/node.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import type { NodeOutcome } from '../../src/balancer/picker.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { rank } from '../../src/balancer/rank.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

function endpoint(n: number): Endpoint {
  return {
    id: `p-${String(n).padStart(2, '0')}`,
    service: 'players',
    host: '10.0.0.1',
    port: 8000 + n,
    protocol: 'http',
    attributes: {},
    weight: 1,
    generation: 1,
  };
}

function setup(count: number, options: HealthOptions | false = {}) {
  const clock = new ManualClock();
  const events = new Events();
  const random = seededRandom(1);
  const nodes = new NodeSet({
    service: 'players',
    clock,
    random,
    events,
    health: options && resolveHealth('health', options),
    picker: p2c(random),
    unreachable: () => {},
    retired: () => {},
  });
  const all = Array.from({ length: count }, (_, i) => endpoint(i));
  const fill = (listed: readonly number[]) =>
    nodes.update(
      all.filter((_, i) => listed.includes(i)),
      new Set(),
    );
  fill(all.map((_, i) => i));
  const at = (i: number) => {
    const node = nodes.nodes[i];
    if (node === undefined) throw new Error(`there is no node ${i}`);
    return node;
  };
  const report = (node: Node, outcome: NodeOutcome, tookMs = 1) =>
    nodes.report(
      node,
      outcome,
      new Context('players', { operation: 'GET', idempotent: true }, clock.now() - tookMs),
      clock.now(),
    );
  const seen: string[] = [];
  events.on('endpoint', (event) => seen.push(`${event.endpoint} ${event.health}: ${event.reason}`));
  return { clock, nodes, fill, at, report, seen };
}

test('whether it was picked before, and so is told of successes later, makes no difference to the health of a node', async () => {
  const outcome = fc.constantFrom<NodeOutcome>(
    'success',
    'success',
    'success',
    'failure',
    'failure',
    'unreachable',
    'ignorable',
  );
  const step = fc.record({
    node: fc.nat(5),
    outcome,
    times: fc.integer({ min: 1, max: 30 }),
    passMs: fc.nat(3_000),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const run = async (picks: boolean) => {
        const { clock, nodes, at, report, seen } = setup(6);
        const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
        for (const { node, outcome, times, passMs, fails } of steps) {
          await clock.advance(passMs);
          for (let i = 0; i < times; i++) {
            if (picks) for (const one of nodes.nodes) rank(one, call, clock.now(), false);
            report(at(node), fails && i % 4 > 0 ? 'failure' : outcome);
          }
        }
        return { seen, untold: nodes.nodes.some((node) => node.plain || node.untold > 0) };
      };
      const picked = await run(true);
      const unpicked = await run(false);
      expect(picked.seen).toEqual(unpicked.seen);
      expect(unpicked.untold).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('a success of which a node is told later ends a row of failures all the same', () => {
  const { nodes, at, report, seen, clock } = setup(6);
  const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
  for (let i = 0; i < 4; i++) report(at(2), 'failure');
  // Once it was picked, what becomes of it is put down only.
  rank(at(2), call, clock.now(), false);
  expect(nodes.nodes[2]?.plain).toBe(true);
  report(at(2), 'success');
  for (let i = 0; i < 4; i++) report(at(2), 'failure');
  expect(seen).toEqual([]);
  report(at(2), 'failure');
  expect(seen).toHaveLength(1);
});

test('F61: one that hangs is out after two calls: what took half a second, and ten times as long as answers usually do, counts as three failures', () => {
  for (const [usualMs, tookMs, expected] of [
    [60, [601, 601], ['p-01 down: 2 failures in a row, 2 of them after a long wait']],
    [60, [1, 601, 1], ['p-01 down: 3 failures in a row, 1 of them after a long wait']],
    [60, [601, 1], []],
    [60, [599, 599, 599, 599], []],
    [60, [599, 599, 599, 599, 599], ['p-01 down: 5 failures in a row']],
    [4, [500, 500], ['p-01 down: 2 failures in a row, 2 of them after a long wait']],
    [4, [499, 499, 499, 499], []],
  ] as const) {
    const { at, report, seen } = setup(3);
    for (let n = 0; n < 3; n++) report(at(n), 'success', usualMs);
    for (const ms of tookMs) report(at(1), 'failure', ms);
    expect(seen).toEqual(expected);
  }
});

test('F61: a success ends a row of long failures too, and so does a comeback', () => {
  const { at, report, seen } = setup(3);
  for (let n = 0; n < 3; n++) report(at(n), 'success', 20);
  for (let i = 0; i < 3; i++) {
    report(at(1), 'failure', 2_000);
    report(at(1), 'success', 20);
  }
  report(at(1), 'failure', 2_000);
  at(1).health.comeBack(Number.NEGATIVE_INFINITY, 'too few are left to do without it');
  report(at(1), 'failure', 2_000);
  expect(seen).toEqual([]);
  report(at(1), 'failure', 2_000);
  expect(seen).toHaveLength(1);
});

test('F61: before anything was answered nobody knows what is long', () => {
  const { at, report, seen } = setup(3);
  for (let i = 0; i < 4; i++) report(at(1), 'failure', 2_000);
  expect(seen).toEqual([]);
});

test('successes of which a node is told later count at the time at which they were', async () => {
  const { at, report, seen, clock } = setup(6);
  const call = new Context('players', { operation: 'GET', idempotent: true }, 0);
  rank(at(2), call, clock.now(), false);
  for (let i = 0; i < 1_000; i++) report(at(2), 'success');
  await clock.advance(60_000);
  report(at(2), 'success');
  for (let i = 0; i < 300; i++) {
    for (let n = 0; n < 6; n++) if (n !== 2) report(at(n), 'success');
    report(at(2), i % 2 === 0 ? 'failure' : 'success');
  }
  expect(seen).toEqual(['p-02 down: 50 % of 20 succeeded']);
});

test('one that fails one in fourteen where its peers fail none is taken out', () => {
  const { at, report, seen } = setup(5);
  for (let i = 0; i < 200; i++)
    for (let n = 0; n < 5; n++) report(at(n), n === 2 && i % 14 === 0 ? 'failure' : 'success');
  expect(seen).toEqual(['p-02 down: far worse than its peers: 9 of 113 failed']);
});

test('where all fail alike, nobody is an outlier', () => {
  const { at, report, seen } = setup(10);
  for (let i = 0; i < 400; i++) for (let n = 0; n < 10; n++) report(at(n), (i + n) % 10 === 0 ? 'failure' : 'success');
  expect(seen).toEqual([]);
});

test('one that is slow now and then where its peers are not is taken out, if slowness is looked at', () => {
  for (const [slowMs, tookMs, expected] of [
    [500, 600, ['p-02 down: far worse than its peers: 0 of 101 failed and 13 were slow']],
    [500, 450, []],
    [false, 600, []],
  ] as const) {
    const { at, report, seen } = setup(5, { slowMs });
    for (let i = 0; i < 110; i++)
      for (let n = 0; n < 5; n++) report(at(n), 'success', n === 2 && i % 8 === 4 ? tookMs : 20);
    expect(seen).toEqual(expected);
  }
});

test('a service that is slow throughout has no slow endpoint', () => {
  const { at, report, seen } = setup(5, { slowMs: 500 });
  for (let i = 0; i < 200; i++)
    for (let n = 0; n < 5; n++) report(at(n), 'success', n === 2 && i % 8 === 4 ? 5_000 : 600);
  expect(seen).toEqual([]);
});

test('F50: when healthy peers leave, those come back that are too many to be out by their rate alone', () => {
  const { at, report, fill, nodes, seen } = setup(4);
  for (const n of [0, 1]) for (let i = 0; i < 30; i++) report(at(n), i % 2 === 0 ? 'success' : 'failure');
  expect(nodes.down).toBe(2);
  fill([0, 1, 3]);
  expect([nodes.down, seen.slice(2)]).toEqual([1, ['p-01 up: too few are left to do without it']]);
  fill([0]);
  expect([nodes.down, seen.slice(3)]).toEqual([0, ['p-00 up: too few are left to do without it']]);
});

test('F50: when checks pass again, those come back that would be too many to be out by their rate alone', () => {
  const { at, report, fill, nodes, seen } = setup(4);
  for (const n of [0, 1]) for (let i = 0; i < 30; i++) report(at(n), i % 2 === 0 ? 'success' : 'failure');
  nodes.checked(at(0), 'failing', 'its checks fail');
  fill([0, 1]);
  // Of these two one is out by its rate alone, and the other by its checks as well.
  expect([nodes.down, seen.slice(2)]).toEqual([2, []]);
  nodes.checked(at(0), 'well', 'its checks pass');
  expect([nodes.down, seen.slice(2)]).toEqual([1, ['p-01 up: too few are left to do without it']]);
});

test('F61: what a check found is an event, and counts like what the calls found', () => {
  const { at, nodes, seen } = setup(3);
  nodes.checked(at(0), 'failing', 'its checks fail');
  nodes.checked(at(1), 'unreachable', 'its checks reach nobody');
  nodes.checked(at(0), 'unreachable', 'its checks reach nobody');
  expect([nodes.down, nodes.panicking]).toEqual([2, false]);
  nodes.checked(at(1), 'failing', 'its checks fail');
  nodes.checked(at(0), 'failing', 'its checks fail');
  expect(nodes.panicking).toBe(true);
  nodes.checked(at(0), 'well', 'its checks pass');
  nodes.checked(at(0), 'well', 'its checks pass');
  expect([nodes.down, nodes.panicking]).toEqual([1, false]);
  expect(seen).toEqual([
    'p-00 down: its checks fail',
    'p-01 down: its checks reach nobody',
    'p-00 up: its checks pass',
  ]);
});

test('without health nobody is taken out by calls', () => {
  const { at, report, nodes } = setup(2, false);
  for (let i = 0; i < 50; i++) report(at(0), i % 2 === 0 ? 'failure' : 'unreachable');
  expect([nodes.down, at(0).health.fitness(0)]).toEqual([0, 'up']);
});

test('F50: whatever happens, never more than half are out by their rate alone, and the counts are those of the nodes', () => {
  const outcome = fc.constantFrom<NodeOutcome>('success', 'success', 'failure', 'failure', 'unreachable', 'ignorable');
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ n: fc.nat(9), outcomes: fc.array(outcome, { minLength: 1, maxLength: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ listed: fc.uniqueArray(fc.nat(9), { minLength: 1 }) }) },
    { weight: 1, arbitrary: fc.record({ n: fc.nat(9), found: fc.constantFrom('well', 'failing', 'unreachable') }) },
    { weight: 1, arbitrary: fc.record({ waitMs: fc.nat(20_000) }) },
  );
  let byRate = 0;
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
    const { clock, nodes, fill, report } = setup(10, { failures: 1_000, minimum: 5 });
    for (const one of steps) {
      const node = 'n' in one ? nodes.nodes[one.n % nodes.nodes.length] : undefined;
      if ('listed' in one) fill(one.listed);
      else if ('waitMs' in one) await clock.advance(one.waitMs);
      else if (node !== undefined && 'found' in one) nodes.checked(node, one.found, 'checked');
      else if (node !== undefined && 'outcomes' in one) {
        const probe = new Context('players', { operation: 'GET', idempotent: true }, clock.now());
        nodes.begin(node, probe, clock.now());
        for (const how of one.outcomes) report(node, how);
        nodes.report(node, one.outcomes[0] ?? 'success', probe, clock.now());
        nodes.end(node, probe);
      }
      const all = nodes.nodes.map(({ health }) => health);
      const out = all.filter((health) => health.out);
      const refusing = out.filter((health) => health.unreachable);
      const rated = all.filter((health) => health.outByRate);
      byRate = Math.max(byRate, rated.length);
      expect(rated.length * 2).toBeLessThanOrEqual(all.length);
      expect(nodes.down).toBe(out.length);
      expect(nodes.panicking).toBe((out.length - refusing.length) * 2 > all.length - refusing.length);
    }
  });
  return fc.assert(property, { numRuns: 300 }).then(() => expect(byRate).toBeGreaterThan(1));
});
