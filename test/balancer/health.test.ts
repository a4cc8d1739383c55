import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Health } from '../../src/balancer/health.ts';
import { resolveHealth } from '../../src/balancer/health-options.ts';
import { seededRandom } from '../../src/testing/entry.ts';
import { shareOf } from './node-setup.ts';

const steady = () => 0.5; // no jitter
const plenty = { spare: true, worse: () => false };
const better = { spare: true, worse: () => true };
const few = { spare: false, worse: () => true };

function setup(options = {}, random = steady) {
  const health = new Health(resolveHealth('health', options), random, Number.NEGATIVE_INFINITY);
  return { health, attempt: { startedAt: 0 } };
}

/** A health that rests from 0, because nobody was there, for 5 s. */
function resting(options = {}, random = steady) {
  const { health, attempt } = setup(options, random);
  health.fail(0, attempt, true, few);
  return { health, attempt };
}

test('five failures in a row take an endpoint out; four do not', () => {
  const { health, attempt } = setup();
  for (let i = 0; i < 4; i++) health.fail(0, attempt, false, few);
  health.succeed(0, attempt);
  for (let i = 0; i < 4; i++) health.fail(0, attempt, false, few);
  expect(health.fitness(0)).toBe('up');
  health.fail(0, attempt, false, few);
  expect([health.fitness(0), health.reason]).toEqual(['down', '5 failures in a row']);
});

test('F34: an endpoint that cannot be reached is taken out at once', () => {
  const { health } = resting();
  expect([health.unreachable, health.outByRate, health.reason]).toEqual([true, false, 'cannot be reached']);
  expect(health.fitness(4_999)).toBe('down');
  expect(health.fitness(5_000)).toBe('busy');
});

test('F49: a success rate below 80 % of at least 20 in ten seconds takes it out, if its peers can do without it', () => {
  for (const others of [plenty, few]) {
    const { health, attempt } = setup();
    for (let i = 0; i < 4; i++) {
      for (let good = 0; good < 4; good++) health.succeed(0, attempt);
      health.fail(0, attempt, false, others);
    }
    expect(health.out).toBe(false);
    health.fail(0, attempt, false, others);
    expect([health.outByRate, health.reason]).toEqual(others.spare ? [true, '76 % of 21 succeeded'] : [false, '']);
  }
});

test('one that does worse than its peers is out only below the floor, and if they can do without it', () => {
  for (const [failures, others, out] of [
    [10, better, false],
    [11, better, true],
    [11, plenty, false],
    [11, few, false],
  ] as const) {
    const { health, attempt } = setup();
    for (let i = 0; i < 190; i++) health.succeed(0, attempt);
    for (let i = 0; i < failures; i++) {
      health.fail(0, attempt, false, others);
      health.succeed(0, attempt);
    }
    expect(health.out).toBe(out);
    if (out) expect(health.reason).toBe('far worse than its peers: 11 of 211 failed');
  }
  const { health, attempt } = setup({ outlierRatio: 0 });
  for (let i = 0; i < 100; i++) {
    if (i % 6 === 0) health.fail(0, attempt, false, better);
    else health.succeed(0, attempt);
  }
  expect(health.out).toBe(false);
});

test('slow successes count in the comparison with peers, and nowhere else', () => {
  for (const others of [better, plenty]) {
    const { health, attempt } = setup();
    for (let i = 0; i < 200; i++) {
      health.succeed(0, attempt);
      if (i % 2 === 0) health.drag(0, others);
    }
    expect(health.out).toBe(others === better);
    if (health.out) expect(health.reason).toBe('far worse than its peers: 0 of 21 failed and 11 were slow');
  }
});

test('outcomes older than ten seconds no longer count', () => {
  const { health, attempt } = setup();
  for (let i = 0; i < 30; i++) {
    health.fail(0, attempt, false, few);
    health.succeed(0, attempt);
  }
  for (let i = 0; i < 19; i++) health.succeed(10_001, attempt);
  health.fail(10_001, attempt, false, plenty);
  expect(health.out).toBe(false);
});

test('a rest is followed by exactly one probe, and doubles each time that it fails, up to the limit', () => {
  const { health } = resting({ restMs: 1_000, maxRestMs: 4_800 });
  let now = 0;
  for (const restMs of [1_000, 2_000, 4_000, 4_000]) {
    expect(health.fitness(now + restMs - 1)).toBe('down');
    now += restMs;
    expect(health.fitness(now)).toBe('busy');
    const probe = { startedAt: now };
    health.begin(now, probe);
    expect(health.fitness(now)).toBe('down');
    health.begin(now, { startedAt: now });
    health.fail(now, probe, false, few);
  }
});

test('F81: a probe that never ends is not the last one: it is followed by another after the next rest', () => {
  const { health } = resting();
  const [lost, probe] = [{}, {}];
  health.begin(5_000, lost);
  expect(health.fitness(14_999)).toBe('down');
  expect(health.fitness(15_000)).toBe('busy');
  health.begin(15_000, probe);
  expect(health.fitness(34_999)).toBe('down');
  health.succeed(16_000, lost);
  expect(health.out).toBe(true);
  health.succeed(16_000, probe);
  expect(health.out).toBe(false);
});

test('only the probe brings it back: an older request that succeeds late does not', () => {
  const { health, attempt } = resting();
  health.succeed(6_000, attempt);
  expect(health.out).toBe(true);
  const probe = {};
  health.begin(6_000, probe);
  health.succeed(6_001, attempt);
  expect(health.fitness(6_001)).toBe('down');
  health.succeed(6_002, probe);
  expect([health.fitness(6_002), health.reason]).toEqual(['up', 'its probe succeeded']);
});

test('a probe that says nothing is followed by another after the shortest rest, and lengthens none', () => {
  const { health } = resting();
  let now = 6_000;
  for (let i = 0; i < 3; i++) {
    const probe = { startedAt: now };
    health.begin(now, probe);
    health.ignore(now, {});
    expect(health.fitness(now + 9_999)).toBe('down');
    now += 100;
    health.ignore(now, probe);
    // At once it would be the next call: where callers are less patient than it is slow, one after the other would wait for it.
    expect(health.fitness(now + 4_999)).toBe('down');
    now += 5_000;
    expect(health.fitness(now)).toBe('busy');
  }
  const probe = { startedAt: now };
  health.begin(now, probe);
  health.fail(now, probe, false, few);
  expect([health.fitness(now + 9_999), health.fitness(now + 10_000)]).toEqual(['down', 'busy']);
});

test('a probe that is given up late puts off the next one no further than its own rest does', () => {
  const { health } = resting();
  const probe = { startedAt: 5_000 };
  health.begin(5_000, probe);
  health.ignore(14_000, probe);
  expect([health.fitness(14_999), health.fitness(15_000)]).toEqual(['down', 'busy']);
});

test('attempts that were sent before it came back and fail only then do not take it out again', () => {
  const { health, attempt } = resting();
  const probe = { startedAt: 6_000 };
  health.begin(6_000, probe);
  health.succeed(6_001, probe);
  for (let i = 0; i < 30; i++) health.fail(7_000, attempt, i === 7, plenty);
  expect(health.out).toBe(false);
  for (let i = 0; i < 5; i++) health.fail(7_000, { startedAt: 6_001 }, false, few);
  expect([health.out, health.reason]).toEqual([true, '5 failures in a row']);
});

test('one that fails again as soon as it is back rests longer and longer; every ten seconds in use forgive one doubling', () => {
  const { health } = setup({ maxRestMs: 100_000 });
  let now = 0;
  const restOf = () => {
    health.fail(now, { startedAt: now }, true, few);
    const began = now;
    while (health.fitness(now) !== 'busy') now += 500;
    const probe = {};
    health.begin(now, probe);
    health.succeed(now, probe);
    return now - began;
  };
  expect([restOf(), restOf(), restOf()]).toEqual([5_000, 10_000, 20_000]);
  now += 9_999;
  expect(restOf()).toBe(40_000);
  now += 20_000;
  expect(restOf()).toBe(20_000);
  now += 1e6;
  expect(restOf()).toBe(5_000);
});

test('F52: one that comes back gets its share over ten seconds', () => {
  const { health } = resting();
  const probe = {};
  expect(shareOf(health, 0)).toBe(1);
  health.begin(6_000, probe);
  health.succeed(6_000, probe);
  expect(shareOf(health, 6_000)).toBe(0.1);
  expect(shareOf(health, 11_000)).toBeCloseTo(0.55);
  expect(shareOf(health, 16_000)).toBe(1);
});

test('one that its checks took out comes back through them alone, and slowly', () => {
  const { health, attempt } = setup();
  health.checked(0, 'failing', 'its checks fail');
  expect([health.fitness(1e9), health.out, health.unreachable]).toEqual(['down', true, false]);
  health.begin(1e9, attempt);
  health.succeed(1e9, attempt);
  expect(health.out).toBe(true);
  health.checked(1e9, 'unreachable', 'its checks reach nobody');
  expect(health.unreachable).toBe(true);
  health.checked(1e9, 'well', 'its checks pass');
  expect([health.fitness(1e9), shareOf(health, 1e9), health.reason]).toEqual(['up', 0.1, 'its checks pass']);
});

test('one that could not be reached and passes its checks is probed by the next call, and not in use before', () => {
  const { health } = resting();
  health.checked(1_000, 'failing', 'its checks fail');
  health.checked(2_000, 'well', 'its checks pass');
  expect(health.fitness(2_000)).toBe('busy');
  health.checked(8_000, 'well', 'its checks pass');
  expect(health.overdueMs(9_000)).toBe(7_000);
  const probe = {};
  health.begin(2_000, probe);
  health.checked(2_000, 'well', 'its checks pass');
  expect(health.fitness(2_000)).toBe('down');
  health.succeed(2_001, probe);
  expect(health.fitness(2_001)).toBe('up');
});

test('passing checks do not shorten the rest of one that failed its calls', () => {
  const { health, attempt } = setup();
  for (let i = 0; i < 5; i++) health.fail(0, attempt, false, few);
  health.checked(1_000, 'well', 'its checks pass');
  expect([health.fitness(4_999), health.reason]).toEqual(['down', '5 failures in a row']);
});

test('the reason is that which holds: when checks pass again, what the calls found', () => {
  const { health, attempt } = setup();
  health.checked(0, 'failing', 'its checks fail');
  for (let i = 0; i < 5; i++) health.fail(0, attempt, false, few);
  expect(health.reason).toBe('its checks fail');
  health.checked(1_000, 'well', 'its checks pass');
  expect([health.out, health.reason]).toEqual([true, '5 failures in a row']);
  health.checked(2_000, 'failing', 'its checks fail');
  expect(health.reason).toBe('its checks fail');
  health.checked(3_000, 'well', 'its checks pass');
  expect([health.out, health.reason]).toEqual([true, '5 failures in a row']);
});

test('F81: whatever happens, there is never more than one probe in a rest, and every rest ends', () => {
  const step = fc.record({
    waitMs: fc.oneof(fc.nat(100), fc.nat(20_000)),
    act: fc.constantFrom('begin', 'succeed', 'fail', 'ignore', 'refuse', 'check'),
    which: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 100, size: 'max' }), (seed, steps) => {
      const { health } = setup({ restMs: 1_000, maxRestMs: 10_000 }, seededRandom(seed));
      const attempts: { readonly startedAt: number }[] = [{ startedAt: 0 }];
      let now = 0;
      let probing: { readonly probe: object; readonly since: number } | undefined;
      for (const { waitMs, act, which } of steps) {
        now += waitMs;
        const attempt = attempts.at(-1 - (which % attempts.length)) ?? { startedAt: 0 };
        if (act === 'begin') {
          const fitness = health.fitness(now);
          const probe = { startedAt: now };
          health.begin(now, probe);
          attempts.push(probe);
          if (fitness !== 'busy') continue;
          // Nobody is probing it now, but for one that should have been back long ago.
          if (probing !== undefined) expect(now - probing.since).toBeGreaterThanOrEqual(800);
          probing = { probe, since: now };
        } else {
          if (act === 'succeed') {
            const { out } = health;
            health.succeed(now, attempt);
            if (out && attempt !== probing?.probe) expect(health.out).toBe(true);
          } else if (act === 'ignore') health.ignore(now, attempt);
          else if (act === 'check') health.checked(now, which > 2 ? 'well' : 'failing', 'checked');
          else health.fail(now, attempt, act === 'refuse', few);
          if (act !== 'check' && probing?.probe === attempt) probing = undefined;
          if (!health.out) probing = undefined;
        }
        expect(health.fitness(now) === 'up').toBe(!health.out);
      }
      health.checked(now, 'well', '');
      expect(health.fitness(now + 10_000)).not.toBe('down');
    }),
  );
});

test('F86: rests are jittered by a fifth either way, the longest too, and that is not exceeded', () => {
  const rests = (options: object) =>
    Array.from({ length: 200 }, (_, seed) => {
      const { health } = resting(options, seededRandom(seed));
      let now = 0;
      while (health.fitness(now) !== 'busy') now += 10;
      return now;
    }).toSorted((a, b) => a - b);
  for (const [options, least, most] of [
    [{}, 4_000, 6_000],
    [{ maxRestMs: 5_000 }, 3_330, 5_000],
  ] as const) {
    const [first = 0, last = 0] = [rests(options).at(0), rests(options).at(-1)];
    expect(first).toBeGreaterThanOrEqual(least);
    expect(first).toBeLessThan(least * 1.05);
    expect(last).toBeLessThanOrEqual(most);
    expect(last).toBeGreaterThan(most * 0.95);
  }
});

test.each([
  [{ failures: 0 }, 'health.failures must be an integer from 1 to 1000, not 0'],
  [{ successRatio: 1.1 }, 'health.successRatio must be a number from 0 to 1, not 1.1'],
  [{ outlierRatio: -1 }, 'health.outlierRatio must be a number from 0 to 1, not -1'],
  [{ slowMs: 0 }, 'health.slowMs must be a number of milliseconds of at least 1, not 0'],
  [{ restMs: Number.NaN }, 'health.restMs must be a number of milliseconds of at least 1, not NaN'],
  [{ maxRestMs: 1 }, 'health.maxRestMs must be a number of milliseconds of at least 5000, not 1'],
  [
    { slowStart: 1 },
    "health has no option 'slowStart'; it knows failures, successRatio, minimum, outlierRatio, slowMs, restMs, maxRestMs, slowStartMs",
  ],
])('%j is refused', (options, message) => {
  expect(() => resolveHealth('health', options as object)).toThrow(message);
});
