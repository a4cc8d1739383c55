import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LayoutOptions } from '../../src/balancer/cells.ts';
import { type CheckOptions, resolveChecks } from '../../src/balancer/check-options.ts';
import { Checker, type Finding } from '../../src/balancer/checker.ts';
import { resolveHealth } from '../../src/balancer/health-options.ts';
import { NodeSet } from '../../src/balancer/node-set.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { Context } from '../../src/core/context.ts';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';
import { shareOf } from './node-setup.ts';

function endpoint(n: number): Endpoint {
  const id = `p-${String(n).padStart(5, '0')}`;
  const host = `10.0.${n >> 8}.${n & 255}`;
  return { id, service: 'players', host, port: 80, protocol: 'http', attributes: {}, weight: 1, generation: 1 };
}

const WELL: Finding = { found: 'well', reason: 'answered 200' };
const FAILING: Finding = { found: 'failing', reason: 'answered 503' };
const REFUSED: Finding = { found: 'refused', reason: 'answered 503, overloaded' };
const GONE: Finding = { found: 'unreachable', reason: 'connect ECONNREFUSED' };

/** A set of endpoints that are checked; a check takes `tookMs`, and comes to what `finding` says. */
function setup(
  count: number,
  options: CheckOptions = {},
  { seed = 1, tookMs = 1, layout }: { seed?: number; tookMs?: number; layout?: LayoutOptions } = {},
) {
  const clock = new ManualClock();
  const events = new Events();
  const random = seededRandom(seed);
  const seen: string[] = [];
  events.on('endpoint', (event) => seen.push(`${event.endpoint} ${event.health}: ${event.reason}`));
  const nodes = new NodeSet({
    service: 'players',
    layout,
    clock,
    random,
    events,
    health: resolveHealth('health'),
    picker: p2c(random),
    unreachable: () => {},
    retired: () => {},
  });
  const fill = (numbers: readonly number[]) => nodes.update(numbers.map(endpoint), new Set());
  fill(Array.from({ length: count }, (_, i) => i));
  const started = clock.now();
  const made: { readonly id: string; readonly at: number }[] = [];
  const underWay = new Map<string, number>();
  const control = { finding: (_id: string): Finding | 'hang' => WELL, most: 0, twice: false };
  const checker = new Checker({
    nodes,
    clock,
    random,
    options: resolveChecks('checks', options),
    check: ({ id }) => {
      made.push({ id, at: clock.now() - started });
      if (underWay.has(id)) control.twice = true;
      underWay.set(id, clock.now());
      control.most = Math.max(control.most, underWay.size);
      const finding = control.finding(id);
      return new Promise((resolve) => {
        if (finding === 'hang') return;
        clock.after(tookMs, () => {
          underWay.delete(id);
          resolve(finding);
        });
      });
    },
  });
  return { clock, nodes, checker, control, made, fill, seen };
}

test('each endpoint is checked once in each interval, spread over it, from a place that chance decides', async () => {
  const orders = new Set<string>();
  for (const seed of [1, 2, 3]) {
    const { clock, made } = setup(10, { intervalMs: 10_000 }, { seed });
    await clock.advance(60_000);
    for (let n = 0; n < 10; n++) {
      const own = made.filter(({ id }) => id === endpoint(n).id).map(({ at }) => at);
      expect([5, 6]).toContain(own.length);
      const gaps = own.slice(1).map((at, i) => at - (own[i] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThan(7_000);
      expect(Math.max(...gaps)).toBeLessThan(13_000);
    }
    // Never two at a time.
    expect(new Set(made.map(({ at }) => at)).size).toBe(made.length);
    orders.add(`${made[0]?.id} ${made[0]?.at}`);
  }
  expect(orders.size).toBe(3);
});

test('F86: processes that once check at the same moment do not go on doing so', async () => {
  const [one, other] = await Promise.all(
    [1, 2].map(async (seed) => {
      const { clock, made } = setup(10, { intervalMs: 10_000 }, { seed });
      await clock.advance(600_000);
      return new Set(made.map(({ at }) => Math.round(at - (made[0]?.at ?? 0))));
    }),
  );
  expect(one?.size).toBeGreaterThan(550);
  expect(other?.size).toBeGreaterThan(550);
  // In the same millisecond: the first, and what chance puts there.
  expect([...(one ?? [])].filter((at) => other?.has(at)).length).toBeLessThan(10);
});

test('ten thousand endpoints have one timer, and are all checked within an interval and a bit', async () => {
  const { clock, made, control } = setup(10_000, { intervalMs: 10_000 });
  await clock.advance(15_000);
  expect(new Set(made.map(({ id }) => id)).size).toBeGreaterThan(9_999 - 100);
  expect(control.most).toBeLessThan(40);
  // Those of the checks under way are the test's own.
  expect(clock.pending).toBeLessThan(40);
});

test('when all hang, a hundred are under way and no more, and none of them is checked again', async () => {
  const { clock, made, control } = setup(1_000, { intervalMs: 1_000 });
  control.finding = () => 'hang';
  await clock.advance(10_000);
  expect(made.length).toBe(100);
  expect([control.most, control.twice]).toEqual([100, false]);
});

test('one is out after three failures in a row, and comes back after two that pass', async () => {
  const { clock, nodes, control, seen } = setup(1, { intervalMs: 1_000 });
  control.finding = () => FAILING;
  while (seen.length === 0) await clock.advance(100);
  expect(seen).toEqual(['p-00000 down: 3 checks in a row failed: answered 503']);
  control.finding = () => GONE;
  await clock.advance(3_000);
  expect(nodes.nodes[0]?.health.unreachable).toBe(true);
  const came = clock.now();
  control.finding = () => WELL;
  while (seen.length === 1) await clock.advance(100);
  expect(seen[1]).toBe('p-00000 up: its checks pass');
  expect(clock.now() - came).toBeGreaterThan(1_000);
  expect(nodes.nodes.map(({ health }) => shareOf(health, clock.now()))[0]).toBeLessThan(0.2);
});

test('failures that do not follow each other take nobody out, nor does one that passes bring anybody back', async () => {
  const { clock, control, seen } = setup(1, { intervalMs: 1_000 });
  let n = 0;
  control.finding = () => (n++ % 3 === 2 ? WELL : FAILING);
  await clock.advance(60_000);
  expect(seen).toEqual([]);
  control.finding = () => (n++ % 4 === 3 ? WELL : FAILING);
  await clock.advance(60_000);
  expect(seen).toEqual(['p-00000 down: 3 checks in a row failed: answered 503']);
});

test('F87: checks that are refused for the load take nobody out, bring nobody back, and stand in no row', async () => {
  const { clock, made, control, seen } = setup(1, { intervalMs: 1_000 });
  const until = async (count: number) => {
    while (made.length < count) await clock.advance(10);
    await clock.advance(10); // what it came to
  };
  let findings = [REFUSED, REFUSED, REFUSED, REFUSED, FAILING, REFUSED, FAILING];
  control.finding = () => findings[made.length - 1] ?? REFUSED;
  await until(7);
  expect(seen).toEqual([]);
  findings = [...findings, REFUSED, FAILING, REFUSED, REFUSED, REFUSED, WELL, REFUSED];
  await until(9);
  expect(seen).toEqual(['p-00000 down: 3 checks in a row failed: answered 503']);
  await until(14);
  expect(seen.length).toBe(1);
  findings = [...findings, WELL];
  await until(15);
  expect(seen.slice(1)).toEqual(['p-00000 up: its checks pass']);
});

test('one that calls could not reach is probed as soon as its checks pass', async () => {
  const { clock, nodes } = setup(1, { intervalMs: 500 });
  const [node] = nodes.nodes;
  if (node === undefined) throw new Error('there is one');
  nodes.report(node, 'unreachable', new Context('players', { operation: 'GET', idempotent: true }, clock.now()));
  expect(node.health.fitness(clock.now())).toBe('down');
  await clock.advance(2_000);
  expect(node.health.fitness(clock.now())).toBe('busy');
});

test('who joins is used at once and checked within two intervals; who leaves is not checked any more', async () => {
  const { clock, made, fill, nodes } = setup(5, { intervalMs: 1_000 });
  await clock.advance(2_500);
  fill([0, 1, 2, 3, 9]);
  expect(nodes.nodes[4]?.health.fitness(clock.now())).toBe('up');
  const before = made.length;
  await clock.advance(2_500);
  const after = made.slice(before).map(({ id }) => id);
  expect(after).toContain(endpoint(9).id);
  expect(after).not.toContain(endpoint(4).id);
});

test('of a large set only those are checked that this client may use', async () => {
  const layout = { prefer: false, minimum: 1, subset: 3, client: 'teams-1' } as const;
  const { clock, made, nodes } = setup(100, { intervalMs: 1_000 }, { layout });
  await clock.advance(10_000);
  const checked = new Set(made.map(({ id }) => id));
  // Its subset, and those that may take the place of members that are down.
  expect(checked.size).toBe(6);
  for (const tier of nodes.laidOutAt(clock.now())[0]?.tiers ?? [])
    for (const node of tier.nodes) expect(checked).toContain(node.endpoint.id);
  expect(made.length).toBeLessThan(6 * 11);
});

test('one that this client does not use any more is not checked, and has nothing said against it', async () => {
  const layout = { prefer: false, minimum: 1, subset: 1, client: 'teams-1' } as const;
  for (const late of [false, true]) {
    const { clock, made, nodes, control, fill, seen } = setup(
      2,
      { intervalMs: 1_000, fall: 1 },
      { layout, tookMs: 3_000 },
    );
    const first = nodes.laidOutAt(clock.now())[0]?.tiers[0]?.nodes[0]?.endpoint.id ?? 'nobody';
    control.finding = (id) => (id === first ? FAILING : WELL);
    // Its failure is known when it leaves the subset, or is on its way.
    while (late ? made.every(({ id }) => id !== first) : nodes.down === 0) await clock.advance(10);
    fill(Array.from({ length: 1_000 }, (_, i) => i));
    await clock.advance(5_000);
    const before = made.length;
    await clock.advance(5_000);
    expect(made.slice(before).map(({ id }) => id)).not.toContain(first);
    expect(nodes.down).toBe(0);
    if (!late) expect(seen.at(-1)).toBe(`${first} up: it is not checked any more`);
  }
});

test('a set that is empty at first is checked once it is not, and nothing is after the end', async () => {
  const { clock, made, fill, checker } = setup(0, { intervalMs: 1_000 });
  await clock.advance(5_000);
  expect(made).toEqual([]);
  fill([1, 2]);
  await clock.advance(3_000);
  expect(new Set(made.map(({ id }) => id)).size).toBe(2);
  checker.stop();
  const before = made.length;
  await clock.advance(10_000);
  expect([made.length, clock.pending]).toEqual([before, 0]);
});

test('whatever joins, leaves, hangs and fails, no endpoint is ever checked twice at once', async () => {
  const step = fc.record({
    numbers: fc.uniqueArray(fc.nat(20), { maxLength: 20, size: 'max' }),
    hanging: fc.nat(20),
    waitMs: fc.nat(3_000),
  });
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(step, { maxLength: 10 }), async (seed, steps) => {
      const { clock, checker, control, fill } = setup(5, { intervalMs: 200 }, { seed, tookMs: 150 });
      for (const { numbers, hanging, waitMs } of steps) {
        control.finding = (id) => (id === endpoint(hanging).id ? 'hang' : FAILING);
        fill(numbers.toSorted((a, b) => a - b));
        await clock.advance(waitMs);
      }
      checker.stop();
      expect(control.twice).toBe(false);
    }),
    { numRuns: 30 },
  );
});

test.each([
  [
    { path: 'health' },
    "checks.path must be a path that begins with a slash, in printable ASCII, or false, not 'health'",
  ],
  [{ path: '/a b' }, "checks.path must be a path that begins with a slash, in printable ASCII, or false, not '/a b'"],
  [{ method: 'POST' }, "checks.method must be one of GET, HEAD, OPTIONS, not 'POST'"],
  [{ status: 100 }, 'checks.status must be an integer from 200 to 599, not 100'],
  [{ intervalMs: 99 }, 'checks.intervalMs must be a number of milliseconds of at least 100, not 99'],
  [{ timeoutMs: 10_001 }, 'checks.timeoutMs must be a number of milliseconds from 1 to 10000, not 10001'],
  [{ rise: 0 }, 'checks.rise must be an integer from 1 to 100, not 0'],
  [{ fall: 101 }, 'checks.fall must be an integer from 1 to 100, not 101'],
  [{ every: 1 }, "checks has no option 'every'; it knows path, method, status, intervalMs, timeoutMs, rise, fall"],
])('%j is refused', (options, message) => {
  expect(() => resolveChecks('checks', options as object)).toThrow(message);
});
