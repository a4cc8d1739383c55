import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LayoutOptions } from '../../src/balancer/cells.ts';
import { pickGrouped } from '../../src/balancer/grouped.ts';
import { resolveHealth } from '../../src/balancer/health-options.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import type { MakePicker } from '../../src/balancer/picker.ts';
import { leastLoaded } from '../../src/balancer/pickers/least-loaded.ts';
import { maglev } from '../../src/balancer/pickers/maglev.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { peakEwma } from '../../src/balancer/pickers/peak-ewma.ts';
import { randomPicker } from '../../src/balancer/pickers/random.ts';
import { recall } from '../../src/balancer/pickers/recall.ts';
import { ringHash } from '../../src/balancer/pickers/ring-hash.ts';
import { roundRobin } from '../../src/balancer/pickers/round-robin.ts';
import { weightedRoundRobin } from '../../src/balancer/pickers/weighted-round-robin.ts';
import { nearest } from '../../src/balancer/preference.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { integers } from '../../src/core/random.ts';
import { MemoryMetrics } from '../../src/telemetry/memory-metrics.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

const NOBODY: ReadonlySet<string> = new Set();
const HERE = { zone: 'eu-1a', region: 'eu' };
const A = HERE;
const B = { zone: 'eu-1b', region: 'eu' };
const US = { zone: 'us-1a', region: 'us' };

type Attributes = Readonly<Record<string, string>>;

function endpoints(name: string, count: number, attributes: Attributes, weight = 1): readonly Endpoint[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${name}-${i}`,
    service: 'players',
    host: '10.0.0.1',
    port: 8000 + i,
    protocol: 'http' as const,
    attributes,
    weight,
    generation: 1,
  }));
}

function setup(all: readonly Endpoint[], options: Partial<LayoutOptions> = {}, make: MakePicker = p2c) {
  const clock = new ManualClock();
  const random = seededRandom(7);
  const picker = make(random, clock);
  const metrics = new MemoryMetrics();
  const events = new Events();
  const spills: (readonly [state: string, reason: string])[] = [];
  events.on('spill', ({ state, reason }) => spills.push([state, reason]));
  const rejected: (readonly string[])[] = [];
  events.on('rejected', ({ source, id, reason }) => rejected.push([source, id, reason]));
  const layout = {
    prefer: nearest(HERE),
    minimum: 3,
    subset: false,
    client: 'teams-1',
    placed: (place: string) => metrics.counter('attempts_by_place', { place }),
    ...options,
  } as const;
  const [unreachable, retired] = [() => {}, () => {}];
  const scope = { service: 'players', clock, random, events, health: resolveHealth('health') };
  const set = new NodeSet({ ...scope, picker, layout, unreachable, retired });
  set.update(all, NOBODY);
  const context = (idempotent = true) => new Context('players', { operation: 'GET', idempotent }, clock.now());
  const draw = integers(random);
  const groups = () => set.groupsAt(clock.now());
  const pick = (ctx = context()) => {
    const { panicking } = set;
    const parts = groups();
    return parts === undefined
      ? picker.pick(set.nodes, ctx, clock.now(), panicking)
      : pickGrouped(parts, picker, draw, ctx, clock.now(), panicking);
  };
  const named = (name: string) => set.nodes.filter(({ endpoint: { id } }) => id.startsWith(`${name}-`));
  const fail = (name: string, count: number, outcome: 'failure' | 'unreachable' = 'unreachable') => {
    for (const node of named(name).slice(0, count)) {
      const ctx = context();
      set.begin(node, ctx, clock.now());
      // Five failures in a row are what takes out one that can be reached.
      for (let i = 0; i < 5; i++) set.report(node, outcome, ctx, clock.now());
      set.end(node, ctx);
    }
  };
  const recover = (name: string, count: number) => {
    for (const node of named(name).slice(0, count)) {
      const ctx = context();
      set.begin(node, ctx, clock.now());
      set.report(node, 'success', ctx, clock.now());
      set.end(node, ctx);
      expect(node.health.fitness(clock.now())).toBe('up');
    }
  };
  /** Once the next look is due. */
  const later = (ms = 100) => clock.advance(ms);
  const shares = (picks = 10_000) => {
    const counts: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const ctx = context(false);
      const node = pick(ctx);
      if (node === undefined) throw new Error('nobody was picked');
      const [name = ''] = node.endpoint.id.split('-');
      counts[name] = (counts[name] ?? 0) + 1;
      set.begin(node, ctx, clock.now());
      set.end(node, ctx);
    }
    return (name: string) => (counts[name] ?? 0) / picks;
  };
  const tiers = () =>
    set.laidOutAt(clock.now()).flatMap((part) => part.tiers.map(({ name, share }) => [name, Number(share.toFixed(3))]));
  /** Attempts by where they went. */
  const placed = () =>
    Object.fromEntries(
      metrics.read().flatMap((one) => (one.kind === 'counter' ? [[one.labels['place'], one.value] as const] : [])),
    );
  return { set, groups, clock, pick, named, fail, recover, later, shares, tiers, context, placed, spills, rejected };
}

const threeZones = () => [...endpoints('a', 4, A), ...endpoints('b', 4, B), ...endpoints('us', 4, US)];

test('the own zone gets all calls as long as 71 % of it are up, then the rest goes to the region, then anywhere', async () => {
  const { fail, later, shares, tiers } = setup([
    ...endpoints('a', 10, A),
    ...endpoints('b', 10, B),
    ...endpoints('us', 10, US),
  ]);
  expect(tiers()).toEqual([
    ['zone=eu-1a', 1],
    ['region=eu', 0],
    ['elsewhere', 0],
  ]);
  fail('a', 2);
  await later();
  expect(shares(1_000)('a')).toBe(1);
  fail('a', 5);
  await later();
  expect(tiers()).toEqual([
    ['zone=eu-1a', 0.7],
    ['region=eu', 0.3],
    ['elsewhere', 0],
  ]);
  const share = shares();
  expect(Math.abs(share('b') - 0.3)).toBeLessThan(0.02);
  expect(share('us')).toBe(0);
});

test('a zone that is down is left at once, and does not lessen what the next one can take', async () => {
  const { fail, later, shares, tiers } = setup([
    ...endpoints('a', 4, A),
    ...endpoints('b', 8, B),
    ...endpoints('us', 4, US),
  ]);
  fail('a', 4);
  // Before the next look the tiers are as they were: the calls go on to the next all the same.
  expect(shares(1_000)('b')).toBe(1);
  await later();
  expect(tiers()).toEqual([
    ['zone=eu-1a + region=eu', 1],
    ['elsewhere', 0],
  ]);
  expect(shares(1_000)('b')).toBe(1);
  fail('b', 4);
  await later();
  expect(tiers()).toEqual([
    ['zone=eu-1a + region=eu', 0.7],
    ['elsewhere', 0.3],
  ]);
  const share = shares();
  expect(share('a')).toBe(0);
  expect(Math.abs(share('b') - 0.7)).toBeLessThan(0.02);
});

test('weights count: a zone with one of weight 3 and three of 1 can take 70 % without the one', async () => {
  const { fail, later, tiers } = setup([
    ...endpoints('big', 1, A, 3),
    ...endpoints('a', 3, A),
    ...endpoints('b', 4, B),
  ]);
  fail('big', 1);
  await later();
  expect(tiers()).toEqual([
    ['zone=eu-1a', 0.7],
    ['region=eu', 0.3],
  ]);
});

test('a process that does not say where it is, or alone in one zone with all others, splits nothing', () => {
  expect(setup(threeZones(), { prefer: nearest({}) }).groups()).toBe(undefined);
  expect(setup(threeZones(), { prefer: false }).groups()).toBe(undefined);
  expect(setup(endpoints('a', 5, A)).groups()).toBe(undefined);
  expect(setup(endpoints('us', 5, US)).groups()).toBe(undefined);
  expect(setup([]).pick()).toBe(undefined);
});

test('a zone of another region with the same name is not the own one; one that says no region is', () => {
  const { groups, tiers } = setup([
    ...endpoints('a', 3, { zone: 'eu-1a' }),
    ...endpoints('c', 3, { zone: 'eu-1a', region: 'us' }),
  ]);
  expect(tiers()).toEqual([
    ['zone=eu-1a', 1],
    ['elsewhere', 0],
  ]);
  expect(groups()?.[0]?.nodes.length).toBe(3);
});

test('fewer than three are not preferred alone, but together with those that come next', () => {
  const { tiers, shares } = setup([...endpoints('a', 2, A), ...endpoints('b', 2, B), ...endpoints('us', 4, US)]);
  expect(tiers()).toEqual([
    ['zone=eu-1a + region=eu', 1],
    ['elsewhere', 0],
  ]);
  expect(Math.abs(shares()('a') - 0.5)).toBeLessThan(0.02);
  // One in each zone: no tier is left.
  const single = setup([...endpoints('a', 1, A), ...endpoints('b', 1, B), ...endpoints('us', 1, US)]);
  expect(single.groups()).toBe(undefined);
});

test('a zone that became too small is preferred again only after it was large enough for ten seconds', async () => {
  const { clock, fail, later, recover, tiers } = setup(threeZones());
  const joined = [
    ['zone=eu-1a + region=eu', 1],
    ['elsewhere', 0],
  ];
  fail('a', 2);
  await later();
  expect(tiers()).toEqual(joined);
  await clock.advance(10_000);
  recover('a', 2);
  await later();
  expect(tiers()).toEqual(joined);
  await later(9_900);
  expect(tiers()).toEqual(joined);
  await later(100);
  expect(tiers()).toEqual([
    ['zone=eu-1a', 1],
    ['region=eu', 0],
    ['elsewhere', 0],
  ]);
});

test('those that come back take as much of the share of their zone as their slow start lets them', async () => {
  const { clock, recover, later, tiers, fail } = setup([...endpoints('a', 10, A), ...endpoints('b', 10, B)]);
  fail('a', 7);
  await clock.advance(7_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.42]);
  recover('a', 7);
  await later(100);
  // Three whole ones, and 10.9 % of seven: 3.763 of 10, times 1.4.
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.527]);
  await later(4_900);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.959]);
  await later(5_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
});

test('the next priority is used only when those before cannot take all, within one the nearest first', async () => {
  const standby = { ...A, priority: '1' };
  const { fail, later, tiers, shares } = setup([
    ...endpoints('a', 4, A),
    ...endpoints('s', 4, standby),
    ...endpoints('us', 4, US),
  ]);
  expect(tiers()).toEqual([
    ['priority=0 zone=eu-1a', 1],
    ['priority=0 elsewhere', 0],
    ['priority=1 zone=eu-1a', 0],
  ]);
  fail('a', 4);
  fail('us', 2);
  await later();
  const share = shares();
  expect(share('a')).toBe(0);
  expect(Math.abs(share('s') - 0.3)).toBeLessThan(0.02);
});

test.each(['', '-1', '1.5', '128', '1e1', ' 1', 'first', '0000'])('a priority of %j is none', (priority) => {
  const { groups } = setup([...endpoints('a', 4, A), ...endpoints('p', 4, { ...A, priority })]);
  expect(groups()).toBe(undefined);
});

test('a priority that is none is told, once for all, and not where priorities do not count', () => {
  const standby = endpoints('s', 4, { ...A, priority: 'standby' });
  const { set, rejected } = setup([...endpoints('a', 4, { ...A, priority: '0' }), ...standby]);
  set.update(endpoints('t', 4, { ...A, priority: '128' }), NOBODY);
  expect(rejected).toEqual([
    ['players', 's-0', "the priority 'standby' is no whole number from 0 to 127: it counts as 0"],
  ]);
  expect(setup(standby, { prefer: false }).rejected).toEqual([]);
});

test('few of a lower priority are not joined with the next one', () => {
  const { tiers } = setup([...endpoints('a', 1, A), ...endpoints('s', 8, { ...A, priority: '1' })]);
  expect(tiers()).toEqual([
    ['priority=0 zone=eu-1a', 1],
    ['priority=1 zone=eu-1a', 0],
  ]);
});

test('a zone panics by itself only when all together cannot take the calls', async () => {
  const { set, clock, groups, fail, later, shares } = setup(threeZones(), { minimum: 1 });
  const panicking = () => groups()?.map((group) => group.panicking);
  fail('a', 3, 'failure');
  await later();
  expect([panicking(), set.panickingAt(clock.now())]).toEqual([[false, false, false], false]);
  fail('b', 4, 'failure');
  fail('us', 4, 'failure');
  await later();
  expect([panicking(), set.panickingAt(clock.now())]).toEqual([[true, true], true]);
  // The whole capacity that is left is in the own zone: all of it is used, those that are down too.
  expect(shares(1_000)('a')).toBe(1);
});

test('of those that refuse connections none is used in a panic while another zone has somebody', async () => {
  const { fail, later, pick } = setup(threeZones(), { minimum: 1 });
  fail('a', 4);
  fail('us', 4);
  fail('b', 3, 'failure');
  await later();
  for (let i = 0; i < 100; i++) expect(pick()?.endpoint.id).toMatch(/^b-/);
});

test('a retry whose zone was tried goes to the next', () => {
  const { pick, context } = setup([...endpoints('a', 1, A), ...endpoints('b', 4, B)], { minimum: 1 });
  const call = context();
  const first = call.fork(0);
  first.endpoint = pick(first)?.endpoint;
  expect(first.endpoint?.id).toBe('a-0');
  expect(pick(call.fork(0))?.endpoint.id).toMatch(/^b-/);
});

test('one that waits for a probe is probed although its zone gets no calls', async () => {
  const { set, clock, fail, pick, context } = setup(threeZones(), { minimum: 1 });
  fail('b', 1);
  await clock.advance(10_000);
  let probes = 0;
  for (let i = 0; i < 1_000; i++) {
    const ctx = context();
    const node = pick(ctx);
    if (node === undefined) throw new Error('nobody was picked');
    if (node.endpoint.id === 'b-0') probes++;
    else expect(node.endpoint.id).toMatch(/^a-/);
    set.begin(node, ctx, clock.now());
  }
  expect(probes).toBe(1);
});

test.each<[string, MakePicker]>([
  ['ring-hash', ringHash],
  ['maglev', maglev],
])('with %s a key stays where it is while a zone spills and another waits for a probe', async (_, make) => {
  const { fail, later, pick, context, clock, set, named } = setup(
    [...endpoints('a', 10, A), ...endpoints('b', 10, B), ...endpoints('us', 4, US)],
    {},
    make,
  );
  fail('a', 5);
  fail('us', 2);
  await later();
  const ofKey = (i: number) => {
    const ctx = context(false);
    ctx.hash = Math.imul(i, 0x9e3779b1);
    return pick(ctx)?.endpoint.id;
  };
  const keys = Array.from({ length: 1_000 }, (_, i) => i);
  // The tables of maglev are made in slices, and until then calls go as those without a key.
  for (let i = 0; i < 50; i++) {
    ofKey(i);
    await later(10);
  }
  const first = keys.map(ofKey);
  expect(keys.map(ofKey)).toEqual(first);
  const away = first.filter((id) => id?.startsWith('b-')).length / keys.length;
  expect(Math.abs(away - 0.3)).toBeLessThan(0.05);
  // Their rests are over: those of the zone without calls are to be probed, and no key moves for that.
  for (const node of named('a').slice(0, 5)) set.checked(node, 'failing', 'for the test');
  await clock.advance(9_000);
  expect(keys.map(ofKey)).toEqual(first);
});

test('parts that names split keep their shares, and each prefers its own nearest', async () => {
  const { set, shares, tiers } = setup([]);
  const one = endpoints('a', 4, A);
  const other = endpoints('b', 4, B);
  const canary = endpoints('ca', 4, A);
  const far = endpoints('cus', 4, US);
  set.update([...one, ...other, ...canary, ...far], NOBODY, [
    { share: 0.9, instances: [...one, ...other] },
    { share: 0.1, instances: [...canary, ...far] },
  ]);
  expect(tiers()).toEqual([
    ['zone=eu-1a', 1],
    ['region=eu', 0],
    ['zone=eu-1a', 1],
    ['elsewhere', 0],
  ]);
  const share = shares();
  expect(Math.abs(share('a') - 0.9)).toBeLessThan(0.02);
  expect(Math.abs(share('ca') - 0.1)).toBeLessThan(0.02);
});

test('a part that names split keeps its share while all of it is in panic', async () => {
  const { set, shares, fail, later } = setup([]);
  const main = endpoints('a', 8, A);
  const canary = [...endpoints('c', 3, A), ...endpoints('d', 3, { ...A, priority: '1' })];
  set.update([...main, ...canary], NOBODY, [
    { share: 0.5, instances: main },
    { share: 0.5, instances: canary },
  ]);
  fail('c', 3, 'failure');
  fail('d', 3, 'failure');
  await later();
  const share = shares();
  expect(Math.abs(share('c') + share('d') - 0.5)).toBeLessThan(0.03);
});

test('of a large tier only the subset is called, and one more for each of its members that is down, up to twice as many', async () => {
  const { groups, set, fail, later, shares } = setup([...endpoints('n', 200, A), ...endpoints('us', 5, US)], {
    subset: 20,
  });
  const called = () => groups()?.[0]?.nodes ?? [];
  const first = called();
  expect(first.length).toBe(20);
  expect(shares(1_000)('n')).toBe(1);
  const ids = new Set(first.map(({ endpoint }) => endpoint.id));
  for (const node of first.slice(0, 3)) {
    const ctx = new Context('players', { operation: 'GET', idempotent: true }, 0);
    set.report(node, 'unreachable', ctx, 0);
  }
  await later();
  expect(called().length).toBe(23);
  expect(called().filter(({ endpoint }) => ids.has(endpoint.id)).length).toBe(20);
  expect(groups()?.[0]?.share).toBe(1);
  fail('n', 200);
  await later();
  // The five of the other tier are called together with them.
  expect(called().length).toBe(45);
  expect(shares(1_000)('us')).toBe(1);
});

test('a subset grows for a member that goes down in the moment in which another endpoint comes back', async () => {
  const { set, groups, later } = setup(endpoints('n', 200, A), { subset: 20 });
  const called = () => groups()?.[0]?.nodes ?? [];
  const members = new Set(called());
  const [member] = members;
  const stranger = set.nodes.find((node) => !members.has(node));
  if (member === undefined || stranger === undefined) throw new Error('there are 20 members of 200');
  set.checked(stranger, 'failing', 'for the test');
  await later();
  expect(called().length).toBe(20);
  set.checked(stranger, 'well', 'for the test');
  set.checked(member, 'failing', 'for the test');
  await later();
  expect(called().length).toBe(21);
});

test('a zone that grows does not lose calls for it, while those that join start slowly', async () => {
  const few = [...endpoints('a', 4, A), ...endpoints('b', 4, B)];
  const many = [...endpoints('a', 16, A), ...endpoints('b', 4, B)].sort((x, y) => (x.id < y.id ? -1 : 1));
  const { set, tiers, later, fail } = setup(few, { minimum: 1 });
  set.update(many, NOBODY);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
  await later(5_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
  await later(5_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
  // From now on it is as large as it is: seven of sixteen take 61 %.
  fail('a', 9);
  await later();
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.613]);
});

test('a zone all of whose processes are replaced at once gets its calls back as these get started', async () => {
  const old = [...endpoints('a', 4, A), ...endpoints('b', 4, B)];
  const { set, tiers, later } = setup(old, { minimum: 1 });
  set.update(
    old.map((one) => (one.id.startsWith('a-') ? { ...one, generation: 2 } : one)),
    NOBODY,
  );
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.14]);
  await later(5_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 0.77]);
  await later(5_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
});

test('an array of nodes stays the same while it holds the same ones: pickers keep what they make of it', async () => {
  const { groups, fail, later } = setup([...endpoints('n', 200, A), ...endpoints('us', 5, US)], { subset: 20 });
  const before = groups()?.map(({ nodes }) => nodes);
  fail('us', 2);
  await later();
  expect(groups()?.[0]?.nodes).toBe(before?.[0]);
  expect(groups()?.[1]?.nodes).toBe(before?.[1]);
});

test('an update leaves alone the tiers in which nothing changed, and no other', () => {
  const all = threeZones();
  const { groups, set } = setup(all);
  const arrays = () => groups()?.map(({ nodes }) => nodes);
  const before = arrays();
  // One of the second zone has another weight now, and pickers have to learn of it.
  const heavier = all.map((one) => (one.id === 'b-1' ? { ...one, weight: 5 } : one));
  set.update(heavier, NOBODY);
  const after = arrays();
  expect(after?.map((nodes, i) => nodes === before?.[i])).toEqual([true, false, true]);
  expect(after).toEqual(before);
  set.update(
    heavier.filter(({ id }) => id !== 'us-0'),
    NOBODY,
  );
  expect(arrays()?.map((nodes, i) => nodes === after?.[i])).toEqual([true, true, false]);
});

test('a zone that is too small stays joined when something else changes', async () => {
  const all = threeZones();
  const { set, clock, fail, recover, later, tiers } = setup(all);
  fail('a', 2);
  await later();
  expect(tiers()[0]?.[0]).toBe('zone=eu-1a + region=eu');
  await clock.advance(10_000);
  recover('a', 2);
  set.update(all.slice(0, -1), NOBODY);
  expect(tiers()[0]?.[0]).toBe('zone=eu-1a + region=eu');
});

test('attempts are counted by where they go, whatever tier they belong to', async () => {
  const { shares, placed, fail, later, set } = setup(threeZones(), { minimum: 1 });
  shares(100);
  expect(placed()).toEqual({ zone: 100, region: 0, elsewhere: 0 });
  fail('a', 4);
  fail('b', 4);
  const probed = placed();
  await later();
  shares(100);
  expect(placed()).toEqual({ ...probed, elsewhere: 100 });
  // All in one place are no tier, and are counted all the same.
  set.update(endpoints('a', 4, A), NOBODY);
  shares(50);
  expect(placed()['zone']).toBe((probed['zone'] ?? 0) + 50);
});

test.each<[string, Partial<LayoutOptions>]>([
  ['does not say where it is', { prefer: nearest({}) }],
  ['is told that it does not matter', { prefer: false }],
])('one that %s counts nothing by place', (_, options) => {
  const { shares, placed } = setup(threeZones(), options);
  shares(10);
  expect(placed()).toEqual({});
});

test('it is told when calls begin to leave the zone, and when they stay in it again', async () => {
  const { clock, fail, recover, later, groups, spills } = setup([...endpoints('a', 10, A), ...endpoints('b', 10, B)]);
  fail('a', 2);
  await later();
  groups();
  expect(spills).toEqual([]);
  fail('a', 5);
  await later();
  groups();
  const begun = ['begun', 'zone=eu-1a 70 %, region=eu 30 %'];
  expect(spills).toEqual([begun]);
  fail('a', 7);
  await later(10_000);
  groups();
  expect(spills).toEqual([begun]);
  recover('a', 7);
  await later(20_000);
  groups();
  expect(spills).toEqual([begun, ['ended', 'zone=eu-1a 100 %']]);
  expect(clock.now()).toBeGreaterThan(30_000);
});

test('it is told when the zone is joined with the next, and when all who were in it leave', () => {
  const all = threeZones();
  const { set, spills } = setup(all);
  const less = (gone: RegExp) =>
    set.update(
      all.filter(({ id }) => !gone.test(id)),
      NOBODY,
    );
  less(/^a-[01]/);
  expect(spills).toEqual([['begun', 'zone=eu-1a + region=eu 100 %']]);
  less(/^[ab]-/);
  less(/^$/);
  expect(spills.slice(1)).toEqual([]);
});

test('it is told when all who are left are elsewhere, and no set that is empty says anything', async () => {
  const all = threeZones();
  const { set, spills, later, groups } = setup(all);
  set.update([], NOBODY);
  expect(spills).toEqual([]);
  set.update(endpoints('us', 4, US), NOBODY);
  const begun = ['begun', 'elsewhere 100 %'];
  expect(spills).toEqual([begun]);
  // Those that come start slowly.
  set.update(all, NOBODY);
  expect(spills).toEqual([begun]);
  await later(10_000);
  groups();
  expect(spills).toEqual([begun, ['ended', 'zone=eu-1a 100 %']]);
});

test('one that never had anybody near says nothing of it, nor when somebody comes', async () => {
  const { set, spills, later, tiers } = setup(endpoints('us', 4, US));
  set.update([...endpoints('b', 4, B), ...endpoints('us', 4, US)], NOBODY);
  set.update(threeZones(), NOBODY);
  await later(10_000);
  expect(tiers()[0]).toEqual(['zone=eu-1a', 1]);
  expect(spills).toEqual([]);
});

const pickers: readonly (readonly [string, MakePicker, runs: number])[] = [
  ['recall', recall, 100],
  ['p2c', p2c, 100],
  ['peak-ewma', peakEwma, 100],
  ['least-loaded', leastLoaded, 100],
  ['round-robin', roundRobin, 100],
  ['weighted-round-robin', weightedRoundRobin, 100],
  ['random', randomPicker, 100],
  ['ring-hash', ringHash, 30],
  // Its tables of 65,537 places take their time.
  ['maglev', maglev, 5],
];

test.each(pickers)(
  'with %s, whatever is where and whoever is down: shares are 1 together, and one that is up is picked if there is one',
  async (_, make, numRuns) => {
    const places: readonly Attributes[] = [A, B, US, { ...A, priority: '1' }, { ...US, priority: '2' }, {}];
    const one = fc.record({ place: fc.nat(5), down: fc.boolean(), weight: fc.integer({ min: 1, max: 5 }) });
    const options = fc.record({
      minimum: fc.integer({ min: 1, max: 4 }),
      size: fc.option(fc.integer({ min: 2, max: 4 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 12 }), options, async (all, { minimum, size }) => {
        const list = all.flatMap(({ place, weight }, i) => endpoints(`n${i}`, 1, places[place] ?? {}, weight));
        const { groups, set, pick, later, named, clock, context } = setup(
          list,
          { minimum, subset: size ?? false },
          make,
        );
        all.forEach(({ down }, i) => {
          const [node] = named(`n${i}`);
          if (down && node !== undefined) set.report(node, 'unreachable', context(), clock.now());
        });
        await later();
        const parts = groups();
        if (parts !== undefined) {
          expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
          const seen = parts.flatMap(({ nodes }) => nodes);
          expect(new Set(seen).size).toBe(seen.length);
          if (size === null) expect(seen.length).toBe(all.length);
        }
        const callable = (parts?.flatMap(({ nodes }) => nodes) ?? set.nodes).filter(
          ({ health }) => health.fitness(clock.now()) === 'up',
        );
        for (let i = 0; i < 20; i++) {
          const ctx = context();
          ctx.hash = (i * 0x9e3779b1) | 0;
          const node = pick(ctx);
          expect(node).toBeDefined();
          if (callable.length > 0) expect(callable).toContain(node);
        }
      }),
      { numRuns },
    );
  },
);
