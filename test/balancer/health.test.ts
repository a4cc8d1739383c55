import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Health, resolveHealth } from '../../src/balancer/health.ts';
import { seededRandom } from '../../src/testing/entry.ts';

const steady = () => 0.5; // no jitter
const always = () => true;
const never = () => false;

function setup(options = {}, random = steady) {
  const health = new Health(resolveHealth('health', options), random, Number.NEGATIVE_INFINITY);
  return { health, attempt: {} };
}

test('five failures in a row take an endpoint out; four do not', () => {
  const { health, attempt } = setup();
  for (let i = 0; i < 4; i++) expect(health.fail(0, attempt, false, never)).toBe(undefined);
  health.succeed(0, attempt);
  for (let i = 0; i < 4; i++) health.fail(0, attempt, false, never);
  expect(health.fitness(0)).toBe('up');
  expect(health.fail(0, attempt, false, never)).toBe('5 failures in a row');
  expect(health.fitness(0)).toBe('down');
});

test('F34: an endpoint that cannot be reached is taken out at once', () => {
  const { health, attempt } = setup();
  expect(health.fail(0, attempt, true, never)).toBe('cannot be reached');
  expect(health.fitness(4_999)).toBe('down');
  expect(health.fitness(5_000)).toBe('busy');
});

test('F49: a success rate below 80 % of at least 20 in ten seconds takes it out, if its peers can do without it', () => {
  for (const [allowed, expected] of [
    [always, '76 % of 21 succeeded'],
    [never, undefined],
  ] as const) {
    const { health, attempt } = setup();
    for (let i = 0; i < 4; i++) {
      for (let good = 0; good < 4; good++) health.succeed(0, attempt);
      expect(health.fail(0, attempt, false, allowed)).toBe(undefined);
    }
    expect(health.fail(0, attempt, false, allowed)).toBe(expected === undefined ? undefined : expected);
  }
});

test('outcomes older than ten seconds no longer count', () => {
  const { health, attempt } = setup();
  for (let i = 0; i < 30; i++) {
    health.fail(0, attempt, false, never);
    health.succeed(0, attempt);
  }
  for (let i = 0; i < 19; i++) health.succeed(10_001, attempt);
  expect(health.fail(10_001, attempt, false, always)).toBe(undefined);
});

test('a rest is followed by exactly one probe, and doubles each time that it fails, up to the limit', () => {
  const { health, attempt } = setup({ restMs: 1_000, maxRestMs: 4_000 });
  health.fail(0, attempt, true, never);
  let now = 0;
  for (const restMs of [1_000, 2_000, 4_000, 4_000]) {
    expect(health.fitness(now + restMs - 1)).toBe('down');
    now += restMs;
    expect(health.fitness(now)).toBe('busy');
    const probe = {};
    health.begin(now, probe);
    expect(health.fitness(now)).toBe('down');
    health.begin(now, {});
    health.fail(now, probe, false, never);
  }
});

test('only the probe brings it back: an older request that succeeds late does not', () => {
  const { health, attempt } = setup();
  health.fail(0, attempt, true, never);
  expect(health.succeed(6_000, attempt)).toBe(false);
  const probe = {};
  health.begin(6_000, probe);
  expect(health.succeed(6_001, attempt)).toBe(false);
  expect(health.fitness(6_001)).toBe('down');
  expect(health.succeed(6_002, probe)).toBe(true);
  expect(health.fitness(6_002)).toBe('up');
});

test('a probe that says nothing makes room for another', () => {
  const { health, attempt } = setup();
  health.fail(0, attempt, true, never);
  const probe = {};
  health.begin(6_000, probe);
  health.ignore(probe);
  expect(health.fitness(6_000)).toBe('busy');
});

test('F52: one that comes back gets its share over ten seconds', () => {
  const { health, attempt } = setup();
  expect(health.share(0)).toBe(1);
  health.fail(0, attempt, true, never);
  const probe = {};
  health.begin(6_000, probe);
  health.succeed(6_000, probe);
  expect(health.share(6_000)).toBe(0.1);
  expect(health.share(11_000)).toBeCloseTo(0.55);
  expect(health.share(16_000)).toBe(1);
});

test('rests are jittered by a fifth either way', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { health, attempt } = setup({}, seededRandom(seed));
      health.fail(0, attempt, true, never);
      return health.fitness(3_999) === 'down' && health.fitness(6_001) === 'busy';
    }),
  );
});

test.each([
  [{ failures: 0 }, 'health.failures must be an integer from 1 to 1000, not 0'],
  [{ successRatio: 1.1 }, 'health.successRatio must be a number from 0 to 1, not 1.1'],
  [{ restMs: Number.NaN }, 'health.restMs must be a number of milliseconds of at least 1, not NaN'],
  [{ maxRestMs: 1 }, 'health.maxRestMs must be a number of milliseconds of at least 5000, not 1'],
  [
    { slowStart: 1 },
    "health has no option 'slowStart'; it knows failures, successRatio, minimum, restMs, maxRestMs, slowStartMs",
  ],
])('%j is refused', (options, message) => {
  expect(() => resolveHealth('health', options as object)).toThrow(message);
});
