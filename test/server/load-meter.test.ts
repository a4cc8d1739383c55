import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LoadMeter } from '../../src/server/load-meter.ts';
import { loadReport } from '../../src/server/load-report.ts';

/** Serves `count` requests of `ms`, one each 10 ms, that meet `others` in flight. Returns the time after them. */
function serve(meter: LoadMeter, count: number, ms: number, others: number, from = 0): number {
  for (let i = 0; i < count; i++) meter.took(ms, others, from + i * 10);
  return from + count * 10;
}

function busyWith(meter: LoadMeter, inFlight: number): LoadMeter {
  meter.inFlight = inFlight;
  return meter;
}

test('the time of a request is the mean of the first ones, and then of those of late', () => {
  const meter = new LoadMeter();
  expect(meter.serviceMs).toBeNaN();
  for (const ms of [10, 20, 30]) meter.took(ms, 0, 0);
  expect(meter.serviceMs).toBeCloseTo(20);
  serve(meter, 500, 50, 0);
  expect(meter.serviceMs).toBeCloseTo(50, 1);
});

test('what comes after a pause weighs more, and what was stuck during it does not', () => {
  const meter = new LoadMeter();
  let now = serve(meter, 500, 10, 0);
  // It stood still for four seconds with three requests.
  now += 4_000;
  for (let i = 0; i < 3; i++) meter.took(4_000, i, now);
  const slowed = meter.serviceMs;
  expect(slowed).toBeLessThan(400);
  // One request after as long as callers take to forget weighs as much as twenty that come one after the other.
  meter.took(10, 0, now + 5_010);
  expect(meter.serviceMs - 10).toBeCloseTo((slowed - 10) * Math.exp(-1), 1);
  meter.took(10, 0, now + 60_000);
  expect(meter.serviceMs).toBeCloseTo(10, 1);
});

test('a report leaves out the request that is being answered', () => {
  const meter = busyWith(new LoadMeter(), 5);
  expect(loadReport(meter, 1, undefined)).toBe(undefined);
  meter.took(12.3456, 0, 0);
  expect(loadReport(meter, 1, undefined)).toBe('4;12.35');
  expect(loadReport(meter, 0, 0.5)).toBe('5;12.35;0.5');
  expect(loadReport(busyWith(meter, 0), 1, undefined)).toBe('0;12.35');
});

test('a process of one worker is slow as soon as requests wait for it', () => {
  const meter = new LoadMeter();
  let now = serve(meter, 50, 10, 0);
  now = serve(meter, 50, 30, 2, now);
  expect(busyWith(meter, 0).slow(now)).toBe(false);
  expect(busyWith(meter, 2).slow(now)).toBe(true);
  expect(busyWith(meter, 3).slow(now)).toBe(true);
  // Of so many nothing is known but what is known of fewer.
  expect(busyWith(meter, 40).slow(now)).toBe(true);
});

test('a process that does several at once is not slow before it is', () => {
  const meter = new LoadMeter();
  let now = serve(meter, 50, 10, 0);
  now = serve(meter, 50, 10.5, 4, now);
  now = serve(meter, 50, 20, 8, now);
  expect(busyWith(meter, 7).slow(now)).toBe(false);
  expect(busyWith(meter, 8).slow(now)).toBe(true);
});

test.each([0, 3])(
  '1.3 times what it takes when it is idle is slow, and nothing below that (with %i in flight)',
  (others) => {
    for (const [ms, slow] of [
      [12.9, false],
      [13.2, true],
    ] as const) {
      const meter = busyWith(new LoadMeter(), others);
      let now = serve(meter, 1_000, 10, 0);
      expect(meter.slow(now)).toBe(false);
      // Enough for what is recent, and too few for what is usual.
      now = serve(meter, 100, ms, others, now);
      expect([ms, meter.slow(now)]).toEqual([ms, slow]);
    }
  },
);

test('a process that is slowed down is slow with any number in flight, and the new time is usual after minutes', () => {
  const meter = busyWith(new LoadMeter(), 1);
  let now = serve(meter, 1_000, 10, 1);
  expect(meter.slow(now)).toBe(false);
  now = serve(meter, 20, 20, 1, now);
  expect(meter.slow(now)).toBe(true);
  now = serve(meter, 500, 20, 1, now); // five seconds
  expect(meter.slow(now)).toBe(true);
  now = serve(meter, 18_000, 20, 1, now); // three minutes
  expect(meter.slow(now)).toBe(false);
});

test('idle is what it was with the fewest in flight, also where it never is quite idle; after ten minutes that is forgotten', () => {
  const meter = new LoadMeter();
  let now = serve(meter, 50, 40, 4);
  now = serve(meter, 50, 100, 16, now);
  expect(busyWith(meter, 16).slow(now)).toBe(true);
  expect(busyWith(meter, 4).slow(now)).toBe(false);
  // Fewer in flight than it ever had: nothing to say.
  expect(busyWith(meter, 0).slow(now)).toBe(false);
  now = serve(meter, 70_000, 100, 16, now);
  expect(busyWith(meter, 16).slow(now)).toBe(false);
});

test('what saw fewer than 32 requests says nothing', () => {
  const meter = new LoadMeter();
  let now = serve(meter, 31, 10, 0);
  now = serve(meter, 31, 100, 2, now);
  expect(busyWith(meter, 2).slow(now)).toBe(false);
  now = serve(meter, 1, 10, 0, now);
  expect(busyWith(meter, 2).slow(now)).toBe(false);
  now = serve(meter, 1, 100, 2, now);
  expect(busyWith(meter, 2).slow(now)).toBe(true);
});

test('whatever happens, its figures are numbers in the range of what was seen', () => {
  const request = fc.record({
    ms: fc.double({ min: 0, max: 100_000, noNaN: true }),
    others: fc.nat(100_000),
    after: fc.nat(1_000_000),
  });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 100 }), (requests) => {
      const meter = new LoadMeter();
      let now = 0;
      for (const { ms, others, after } of requests) {
        now += after;
        meter.took(ms, others, now);
        busyWith(meter, others).slow(now);
      }
      const all = requests.map(({ ms }) => ms);
      const margin = 1e-6 * Math.max(...all);
      expect(meter.serviceMs >= Math.min(...all) - margin && meter.serviceMs <= Math.max(...all) + margin).toBe(true);
    }),
  );
});
