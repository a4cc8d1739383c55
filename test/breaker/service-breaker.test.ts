import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveBreaker } from '../../src/breaker/options.ts';
import { startRotation } from '../../src/breaker/rotation.ts';
import { ServiceBreaker } from '../../src/breaker/service-breaker.ts';
import { Context } from '../../src/core/context.ts';
import { Events } from '../../src/core/events.ts';
import { ManualClock } from '../../src/testing/entry.ts';

// opossum sets its own timer for the next probe and takes no clock; the rest of the time here is the manual clock's.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setup(options = {}) {
  const clock = new ManualClock();
  const events = new Events();
  const rotation = startRotation(clock);
  const seen: unknown[] = [];
  events.on('breaker', (event) => seen.push(event));
  const breaker = new ServiceBreaker(resolveBreaker('breaker', options), {
    service: 'players',
    clock,
    random: () => 0.5, // no jitter
    events,
    rotation: rotation.emitter,
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

async function opened(options = {}) {
  const all = setup(options);
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
    { service: 'players', state: 'open', reason: '20 of 20 calls failed in 10 s (at least 20 count)', trips: 1 },
  ]);
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
  await pass(2_000);
  expect((await run(false))?.message).toBe(
    "the breaker of 'players' is open: 20 of 20 calls failed in 10 s (at least 20 count); the next probe is in 3000 ms",
  );
});

test('F81: half-open lets exactly one of a thousand calls through', async () => {
  const { breaker, begin, pass } = await opened();
  await pass(5_000);
  expect(breaker.state).toBe('half-open');
  const admitted = Array.from({ length: 1_000 }, () => breaker.admit(begin())).filter(
    (refusal) => refusal === undefined,
  );
  expect(admitted.length).toBe(1);
});

test('a probe that succeeds closes it with an empty window, and the outage is one event with its trips', async () => {
  const { breaker, run, pass, seen } = await opened();
  await pass(5_000);
  await run(true);
  expect(breaker.state).toBe('open');
  await pass(10_000);
  await run(false);
  expect(breaker.state).toBe('closed');
  expect(seen.length).toBe(2);
  expect(seen[1]).toEqual({ service: 'players', state: 'closed', reason: 'its probe succeeded', trips: 2 });
  for (let i = 0; i < 19; i++) await run(true);
  expect(breaker.state).toBe('closed');
});

test('the time to the next probe doubles from five seconds to sixty', async () => {
  const { breaker, run, pass } = await opened();
  for (const restMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    await pass(restMs - 1);
    expect(breaker.state).toBe('open');
    await pass(1);
    expect(breaker.state).toBe('half-open');
    await run(true);
  }
});

test('a probe that its caller took back makes room for another: it cannot hang', async () => {
  const { breaker, begin, pass, run } = await opened();
  await pass(5_000);
  const probe = begin();
  expect(breaker.admit(probe)).toBe(undefined);
  expect(breaker.admit(begin())).toMatchObject({ message: expect.stringContaining('a probe is on its way') });
  breaker.ignore(probe);
  await run(false);
  expect(breaker.state).toBe('closed');
});

test('a call from before the outage neither ends it by its success nor reopens it by its failure', async () => {
  const { breaker, begin, pass, run, settle, clock } = setup();
  const early = [begin(), begin()];
  for (const ctx of early) breaker.admit(ctx);
  await clock.advance(1);
  for (let i = 0; i < 20; i++) await run(true);
  await pass(5_000);
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
  [{ timeout: 5 }, "breaker has no option 'timeout'; it knows failureRatio, minimum, restMs, maxRestMs"],
])('%j is refused', (options, message) => {
  expect(() => resolveBreaker('breaker', options as object)).toThrow(message);
});
