import { expect, test } from 'vitest';
import { Engine } from '../../bench/sim/engine.ts';
import { cause } from '../../bench/sim/faults.ts';
import { type Fault, rateOf, type Scenario, speedOf } from '../../bench/sim/scenario.ts';
import { Server } from '../../bench/sim/server.ts';
import { seededRandom } from '../../src/testing/entry.ts';

const SCENARIO: Scenario = {
  name: 'faults',
  about: 'servers to which something happens',
  clients: 1,
  servers: 4,
  workers: 1,
  discipline: 'fifo',
  work: { kind: 'constant', ms: 10 },
  offered: { load: 0.5 },
  oneWayMs: 0,
  deadlineMs: 1_000,
  durationMs: 1_000,
  warmUpMs: 0,
};

/** The servers of a scenario, to which its faults happen. */
function setup(given: Partial<Scenario>) {
  const scenario = { ...SCENARIO, ...given };
  const engine = new Engine();
  const random = seededRandom(1);
  const { workers, discipline } = scenario;
  const servers = Array.from(
    { length: scenario.servers },
    (_, index) => new Server({ index, engine, random, workers, discipline, busyLoop: false }),
  );
  for (const server of servers) server.speed = speedOf(scenario, server.index);
  for (const fault of scenario.faults ?? []) cause(fault, scenario, servers, engine, random);
  /** How fast each server is at each of these moments. */
  const speedsAt = (count: number, fromMs: number, everyMs: number): readonly (readonly number[])[] => {
    const seen: number[][] = [];
    for (let i = 0; i < count; i++)
      engine.schedule(fromMs + i * everyMs, () => seen.push(servers.map(({ speed }) => speed)));
    engine.schedule(fromMs + count * everyMs, () => engine.stop());
    engine.run();
    return seen;
  };
  return { scenario, engine, servers, speedsAt };
}

const FROM_TO = { fromMs: 100, toMs: 200 };

// What becomes of a request of 5 ms that comes in the middle of it; before and after it all is well.
test.each<[string, Fault, string, readonly number[]]>([
  ['runs ten times slower', { kind: 'slow', speed: 0.1, ...FROM_TO }, 'success at 160', [0]],
  ['takes as long for each', { kind: 'fixed', ms: 30, ...FROM_TO }, 'success at 140', [0]],
  ['fails all', { kind: 'fails', ratio: 1, ms: 1, ...FROM_TO }, 'failure at 111', [0]],
  ['fails all, by name', { kind: 'fails', ratio: 1, ms: 1, servers: [1, 3], ...FROM_TO }, 'failure at 111', [1, 3]],
  ['hangs', { kind: 'hangs', ...FROM_TO }, 'nothing', [0]],
  ['stands still', { kind: 'stops', ...FROM_TO }, 'success at 205', [0]],
])('a server that %s does so from one moment to another, and no other does', (_does, fault, expected, sick) => {
  const { engine, servers } = setup({ faults: [fault] });
  const said = servers.map(() => ['nothing', 'nothing', 'nothing']);
  for (const [turn, at] of [50, 110, 250].entries())
    engine.schedule(at, () => {
      for (const server of servers) {
        const answer = (outcome: string) => {
          const of = said[server.index];
          if (of !== undefined) of[turn] = `${outcome} at ${+engine.now().toFixed(6)}`;
        };
        server.arrive({ workMs: 5, arrivedAt: 0, others: -1, abandoned: false, limit: undefined, answer });
      }
    });
  engine.run();
  expect(said).toEqual(
    servers.map(({ index }) => ['success at 55', sick.includes(index) ? expected : 'success at 115', 'success at 255']),
  );
});

test('a server that fails some of its requests fails so many', () => {
  const { engine, servers } = setup({ faults: [{ kind: 'fails', ratio: 0.4, ms: 1, fromMs: 0, toMs: 100_000 }] });
  let failed = 0;
  for (let i = 0; i < 5_000; i++)
    engine.schedule(20 * i + 1, () => {
      const answer = (outcome: string) => {
        if (outcome === 'failure') failed++;
      };
      servers[0]?.arrive({ workMs: 5, arrivedAt: 0, others: -1, abandoned: false, limit: undefined, answer });
    });
  engine.run();
  expect(Math.abs(failed / 5_000 - 0.4)).toBeLessThan(0.03);
});

test('with spells at any moment the same share of the servers is slow, each as often as the others', () => {
  const faults: readonly Fault[] = [{ kind: 'spells', share: 0.25, speed: 0.4, lengthMs: 5_000 }];
  const { speedsAt } = setup({ servers: 8, speeds: [1, 2], faults });
  const seen = speedsAt(40, 1_000, 2_500);
  // Of eight two, relative to what each is by itself.
  const slow = seen.map((speeds) => speeds.filter((speed, server) => speed === 0.4 * (1 + (server % 2))).length);
  expect(slow).toEqual(slow.map(() => 2));
  const turns = Array.from({ length: 8 }, (_, server) =>
    seen.filter((speeds) => (speeds[server] ?? 0) < 1 + (server % 2)),
  );
  expect(turns.map(({ length }) => length)).toEqual(Array(8).fill(10));
});

test('with levels each server is at each of them as often as at the others, by itself, and so is the load', () => {
  const speeds = [0.5, 1, 1.2];
  const faults: readonly Fault[] = [{ kind: 'levels', speeds, everyMs: 1_000 }];
  const { scenario, speedsAt } = setup({ speeds: [2], faults });
  const seen = speedsAt(10_000, 0, 250);
  for (let server = 0; server < 4; server++)
    for (const speed of speeds) {
      const share = seen.filter((all) => all[server] === 2 * speed).length / seen.length;
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.05);
    }
  // A third of the moments two of them are alike.
  const alike = seen.filter(([one, other]) => one === other).length / seen.length;
  expect(Math.abs(alike - 1 / 3)).toBeLessThan(0.05);
  // In a quarter of a second one of four changes, to another level in two of three cases.
  const changes = seen.slice(1).filter((all, i) => all[0] !== seen[i]?.[0]).length / seen.length;
  expect(Math.abs(changes - (2 / 3) * (1 - Math.exp(-0.25)))).toBeLessThan(0.02);
  // Half of what four servers twice as fast do at 0.9 of it, 100 calls a second each.
  expect(rateOf(scenario)).toBeCloseTo(0.5 * 4 * 2 * 0.9 * 100, 9);
});

test('with pauses each server stands still now and then, for as long as they say', () => {
  const faults: readonly Fault[] = [{ kind: 'pauses', everyMs: 1_000, leastMs: 50, mostMs: 150 }];
  const { scenario, speedsAt } = setup({ faults });
  const seen = speedsAt(400_000, 0, 1);
  for (let server = 0; server < 4; server++) {
    const row = seen.map((speeds) => (speeds[server] === 0 ? '.' : 'x')).join('');
    const pauses = row
      .split(/x+/)
      .slice(1, -1)
      .map(({ length }) => length);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(49);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(151);
    expect(Math.abs(pauses.reduce((sum, ms) => sum + ms, 0) / pauses.length - 100)).toBeLessThan(6);
    // 364 of 1,100 ms each, on average.
    expect(Math.abs(pauses.length - 400_000 / 1_100)).toBeLessThan(60);
  }
  expect(rateOf(scenario)).toBeCloseTo(0.5 * 4 * (1_000 / 1_100) * 100, 9);
});
