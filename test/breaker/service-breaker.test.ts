import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveBreaker } from '../../src/breaker/options.ts';
import { Outages } from '../../src/breaker/outages.ts';
import { startRotation } from '../../src/breaker/rotation.ts';
import { ServiceBreaker } from '../../src/breaker/service-breaker.ts';
import { Context } from '../../src/core/context.ts';
import { Events } from '../../src/core/events.ts';
import type { Random } from '../../src/core/random.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';

// opossum sets its own timer for the next probe and takes no clock; the rest of the time here is the manual clock's.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setup(options = {}, random: Random = () => 0) {
  const clock = new ManualClock();
  const events = new Events();
  const rotation = startRotation(clock);
  const seen: unknown[] = [];
  events.on('breaker', (event) => seen.push(event));
  const breaker = new ServiceBreaker(resolveBreaker('breaker', options), {
    service: 'players',
    clock,
    random, // 0 is no jitter
    outages: new Outages(clock, events),
    rotation: rotation.emitter,
    recovered: () => {},
  });
  const begin = () => new Context('players', { operation: 'GET', idempotent: true }, clock.now());
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const run = async (failed: boolean, ctx = begin()) => {
    const refusal = breaker.admit(ctx);
    if (refusal === undefined) breaker.record(ctx, failed);
    await settle();
    return refusal;
  };
  const pass = async (ms: number) => {
    await clock.advance(ms);
    vi.advanceTimersByTime(ms);
  };
  return { clock, breaker, rotation, seen, begin, run, pass, settle };
}

async function opened(options = {}, random?: Random) {
  const all = setup(options, random);
  for (let i = 0; i < 20; i++) await all.run(true);
  expect(all.breaker.state).toBe('open');
  return all;
}

test('it opens when more than half of at least twenty calls in ten seconds fail, and says so once', async () => {
  const { breaker, run, seen } = setup();
  for (let i = 0; i < 19; i++) await run(true);
  expect(breaker.state).toBe('closed');
  await run(true);
  expect(breaker.state).toBe('open');
  expect(await run(false)).toMatchObject({
    code: 'MESH_BREAKER_OPEN',
    resend: 'never',
    stack: expect.not.stringContaining(' at '),
  });
  expect(seen).toEqual([
    {
      service: 'players',
      state: 'open',
      cause: 'failures',
      reason: '20 of 20 calls failed in 10 s (at least 20 count)',
      trips: 1,
    },
  ]);
});

test('it opens once nothing has succeeded for a second, however much did before', async () => {
  const { breaker, run, clock, seen } = setup();
  for (let i = 0; i < 1_000; i++) await run(false);
  for (let i = 0; i < 100; i++) await run(true);
  await clock.advance(999);
  await run(true);
  expect(breaker.state).toBe('closed');
  await clock.advance(1);
  await run(true);
  expect(breaker.state).toBe('open');
  expect(seen).toMatchObject([
    { reason: '101 of 1102 calls failed in 10 s (at least 20 count), and none was well for 1.0 s' },
  ]);
});

test('a single success in a second keeps it closed, as do few failures, or old ones', async () => {
  const { breaker, run, clock } = setup();
  for (let i = 0; i < 200; i++) await run(false);
  for (let i = 0; i < 50; i++) await run(true);
  await clock.advance(900);
  await run(false);
  await clock.advance(100);
  for (let i = 0; i < 19; i++) await run(true);
  await clock.advance(1_000);
  expect(breaker.state).toBe('closed');
  await clock.advance(10_000);
  for (let i = 0; i < 19; i++) await run(true);
  expect(breaker.state).toBe('closed');
});

test('the rest after a probe begins with it, however long it takes', async () => {
  const { breaker, pass, begin, settle } = await opened();
  await pass(1_000);
  const probe = begin();
  breaker.admit(probe);
  await pass(600);
  breaker.record(probe, true);
  await settle();
  await pass(399);
  expect(breaker.state).toBe('open');
  await pass(1);
  expect(breaker.state).toBe('half-open');
});

test('half of the calls failing does not open it, more than half does', async () => {
  const { breaker, run } = setup();
  for (let i = 0; i < 40; i++) await run(i % 2 === 1);
  expect(breaker.state).toBe('closed');
  await run(true);
  expect(breaker.state).toBe('open');
});

test('what is older than ten seconds no longer counts', async () => {
  const { breaker, run, clock } = setup();
  for (let i = 0; i < 19; i++) await run(true);
  await clock.advance(10_000);
  await run(true);
  expect(breaker.state).toBe('closed');
});

test('the refusal says why it is open and when it will be tried again', async () => {
  const { run, pass } = await opened();
  await pass(500);
  expect((await run(false))?.message).toBe(
    "the breaker of 'players' is open: 20 of 20 calls failed in 10 s (at least 20 count); the next probe is in 500 ms",
  );
});

test('F81: half-open lets exactly one of a thousand calls through', async () => {
  const { breaker, begin, pass } = await opened();
  await pass(1_000);
  expect(breaker.state).toBe('half-open');
  const admitted = Array.from({ length: 1_000 }, () => breaker.admit(begin())).filter(
    (refusal) => refusal === undefined,
  );
  expect(admitted.length).toBe(1);
});

test('a probe that succeeds closes it with an empty window, and the outage is one event with its trips', async () => {
  const { breaker, run, pass, seen } = await opened();
  await pass(1_000);
  await run(true);
  expect(breaker.state).toBe('open');
  await pass(1_000);
  await run(false);
  expect(breaker.state).toBe('closed');
  expect(seen.length).toBe(2);
  expect(seen[1]).toEqual({
    service: 'players',
    state: 'closed',
    cause: 'failures',
    reason: 'its probe succeeded',
    trips: 2,
  });
  for (let i = 0; i < 19; i++) await run(true);
  expect(breaker.state).toBe('closed');
});

test('the time to the next probe is a quarter of what the outage has lasted, from one second to sixty', async () => {
  const { breaker, run, pass } = await opened();
  const first = [1_000, 1_000, 1_000, 1_000, 1_000, 1_250, 1_563, 1_953, 2_442, 3_052, 3_815, 4_769, 5_961, 7_451];
  const rests = [...first, 9_314, 11_643, 14_553, 18_192, 22_740, 28_425, 35_531, 44_414, 55_517, 60_000, 60_000];
  for (const restMs of rests) {
    await pass(restMs - 1);
    expect(breaker.state).toBe('open');
    await pass(1);
    expect(breaker.state).toBe('half-open');
    await run(true);
  }
});

test('a probe that its caller took back makes room for another: it cannot hang', async () => {
  const { breaker, begin, pass, run } = await opened();
  await pass(1_000);
  const probe = begin();
  expect(breaker.admit(probe)).toBe(undefined);
  expect(breaker.admit(begin())).toMatchObject({ message: expect.stringContaining('a probe is on its way') });
  breaker.ignore(probe);
  await run(false);
  expect(breaker.state).toBe('closed');
});

test('F81: a probe that never ends is followed by another after the next rest, and its own end is of no interest', async () => {
  const { breaker, begin, pass, run, settle } = await opened();
  await pass(1_000);
  const lost = begin();
  expect(breaker.admit(lost)).toBe(undefined);
  await pass(999);
  expect(breaker.admit(begin())).toMatchObject({ code: 'MESH_BREAKER_OPEN' });
  await pass(1);
  const probes = Array.from({ length: 1_000 }, begin).filter((ctx) => breaker.admit(ctx) === undefined);
  expect(probes.length).toBe(1);
  breaker.record(lost, false);
  breaker.ignore(lost);
  await settle();
  expect(breaker.state).toBe('half-open');
  expect(await run(false)).toMatchObject({ message: expect.stringContaining('a probe is on its way') });
  for (const probe of probes) breaker.record(probe, false);
  await settle();
  expect(breaker.state).toBe('closed');
});

test('F86: rests end at different moments in different processes, and none lasts longer than is said', async () => {
  const rests: number[] = [];
  for (let seed = 0; seed < 50; seed++) {
    const { breaker, pass } = await opened({ restMs: 1_000 }, seededRandom(seed));
    let now = 0;
    for (; breaker.state === 'open'; now += 10) await pass(10);
    rests.push(now);
    breaker.close();
  }
  expect(Math.min(...rests)).toBeGreaterThanOrEqual(600);
  expect(Math.min(...rests)).toBeLessThan(650);
  expect(Math.max(...rests)).toBeGreaterThan(950);
  expect(Math.max(...rests)).toBeLessThanOrEqual(1_000);
});

test('a call that takes longer than `slowMs` counts as failed, and the alert says that it is slow', async () => {
  const { breaker, begin, clock, seen, settle, pass } = setup({ slowMs: 500 });
  const calls = Array.from({ length: 20 }, begin);
  for (const ctx of calls) breaker.admit(ctx);
  await clock.advance(500);
  for (const ctx of calls.slice(0, 9)) breaker.record(ctx, false);
  await clock.advance(1);
  for (const ctx of calls.slice(9)) breaker.record(ctx, false);
  await settle();
  expect(breaker.state).toBe('open');
  expect(seen).toMatchObject([
    { cause: 'slow', reason: '11 of 20 calls took longer than 500 ms in 10 s (at least 20 count)' },
  ]);
  await pass(1_000);
  const probe = begin();
  breaker.admit(probe);
  await clock.advance(501);
  breaker.record(probe, false);
  await settle();
  expect(breaker.state).toBe('open');
});

test('what is slow and what failed is told apart by what there is more of', async () => {
  const { breaker, begin, clock, seen, settle } = setup({ slowMs: 500 });
  const calls = Array.from({ length: 20 }, begin);
  await clock.advance(501);
  for (const [i, ctx] of calls.entries()) breaker.record(ctx, i % 4 > 0);
  await settle();
  expect(seen).toMatchObject([
    {
      cause: 'failures',
      reason: '11 of 20 calls failed, or took longer than 500 ms (5 of them), in 10 s (at least 20 count)',
    },
  ]);
});

test('what the application forces open stays open without probes, until it says otherwise', async () => {
  const { breaker, run, pass, seen, begin } = setup();
  breaker.force('open');
  breaker.force('open');
  expect(await run(false)).toMatchObject({
    code: 'MESH_BREAKER_OPEN',
    message: "the breaker of 'players' is open: the application opened it",
  });
  await pass(3_600_000);
  expect([breaker.state, breaker.forced, breaker.admit(begin()) === undefined]).toEqual(['open', true, false]);
  breaker.force(undefined);
  expect([breaker.state, breaker.forced, await run(false)]).toEqual(['closed', false, undefined]);
  expect(seen).toEqual([
    { service: 'players', state: 'open', cause: 'forced', reason: 'the application opened it', trips: 1 },
    {
      service: 'players',
      state: 'closed',
      cause: 'forced',
      reason: 'the application lets it decide again',
      trips: 1,
    },
  ]);
});

test('what the application forces closed lets all through, and decides afresh afterwards', async () => {
  const { breaker, run, seen, begin, settle } = await opened();
  breaker.force('closed');
  expect([breaker.state, breaker.reason]).toEqual(['closed', 'the application closed it']);
  const early = Array.from({ length: 30 }, begin);
  for (let i = 0; i < 30; i++) expect(await run(true)).toBe(undefined);
  expect(seen).toMatchObject([
    { state: 'open', cause: 'failures' },
    { state: 'closed', cause: 'failures', reason: 'the application closed it' },
  ]);
  breaker.force(undefined);
  expect([breaker.state, breaker.reason]).toEqual(['closed', '']);
  for (let i = 0; i < 20; i++) await run(true);
  expect(breaker.state).toBe('open');
  breaker.force('open');
  breaker.force('closed');
  for (const ctx of early) breaker.record(ctx, true);
  await settle();
  expect(breaker.state).toBe('closed');
  expect(seen.slice(2)).toMatchObject([
    { state: 'open', cause: 'failures', trips: 2 },
    { state: 'open', cause: 'forced', trips: 1 },
    { state: 'closed', cause: 'forced', reason: 'the application closed it' },
  ]);
});

test('the outcome of a call that opossum has not heard yet does not end what the application forces', async () => {
  const { breaker, begin, settle, seen } = setup({ minimum: 1 });
  breaker.record(begin(), true);
  breaker.force('closed');
  await settle();
  breaker.force(undefined);
  expect(breaker.state).toBe('closed');
  expect(seen).toEqual([]);
});

test('its reason is that of its state', async () => {
  const { breaker, run, pass, begin } = await opened();
  const why = '20 of 20 calls failed in 10 s (at least 20 count)';
  expect(breaker.reason).toBe(`${why}; the next probe is in 1000 ms`);
  await pass(1_000);
  expect(breaker.reason).toBe(`${why}; the next call is a probe`);
  const probe = begin();
  breaker.admit(probe);
  expect(breaker.reason).toBe(`${why}; a probe is on its way`);
  breaker.ignore(probe);
  await run(false);
  expect(breaker.reason).toBe('its probe succeeded');
});

test('a call from before the outage neither ends it by its success nor reopens it by its failure', async () => {
  const { breaker, begin, pass, run, settle, clock } = setup();
  const early = [begin(), begin()];
  for (const ctx of early) breaker.admit(ctx);
  await clock.advance(1);
  for (let i = 0; i < 20; i++) await run(true);
  await pass(1_000);
  breaker.record(early[0] ?? begin(), false);
  await settle();
  expect(breaker.state).toBe('half-open');
  await run(false);
  expect(breaker.state).toBe('closed');
  for (let i = 0; i < 19; i++) await run(true);
  breaker.record(early[1] ?? begin(), true);
  await settle();
  expect(breaker.state).toBe('closed');
});

test('it leaves nothing behind when it is closed', async () => {
  const { breaker, rotation, clock } = await opened();
  breaker.close();
  rotation.stop();
  expect(vi.getTimerCount()).toBe(0);
  expect(clock.pending).toBe(0);
  expect(rotation.emitter.listenerCount('rotate')).toBe(0);
});

test.each([
  [{ failureRatio: 2 }, 'breaker.failureRatio must be a number from 0 to 1, not 2'],
  [{ minimum: 0.5 }, 'breaker.minimum must be an integer of at least 1, not 0.5'],
  [{ restMs: 10, maxRestMs: 5 }, 'breaker.maxRestMs must be a number of milliseconds from 10 to 86400000, not 5'],
  [{ restMs: 2 ** 31 }, 'breaker.restMs must be a number of milliseconds from 1 to 86400000, not 2147483648'],
  [{ timeout: 5 }, "breaker has no option 'timeout'; it knows failureRatio, minimum, slowMs, restMs, maxRestMs"],
  [{ slowMs: 0 }, 'breaker.slowMs must be a number of milliseconds of at least 1, not 0'],
])('%j is refused', (options, message) => {
  expect(() => resolveBreaker('breaker', options as object)).toThrow(message);
});
