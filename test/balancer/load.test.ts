import { expect, test } from 'vitest';
import { Load } from '../../src/balancer/load.ts';
import { LoadMeans } from '../../src/balancer/load-means.ts';
import { LoadReading } from '../../src/balancer/load-reading.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

function loads(count: number) {
  const means = new LoadMeans();
  return { means, all: Array.from({ length: count }, () => new Load(means)) };
}
function two() {
  const { means, all } = loads(2);
  const [a, b] = all;
  if (a === undefined || b === undefined) throw new Error('there are two');
  return { means, a, b };
}

/** What is known of one at a moment. */
function read(load: Load, now: number, running = 0, portion = 1): LoadReading {
  const reading = new LoadReading();
  reading.portion = portion;
  load.running = running;
  load.read(reading, now);
  return reading;
}

test('nothing is known before the first answer, and one of which nothing is known is taken to be as the others are', () => {
  const { means, a, b } = two();
  expect(read(a, 0, 0).serviceMs).toBeNaN();
  expect([read(a, 0, 3).rif, read(a, 0).failing]).toEqual([3, 0]);
  a.answered({ startedAt: 0 - 40 }, 0);
  expect([read(a, 0, 0).serviceMs, read(b, 0, 0).serviceMs, means.latencyMs.value]).toEqual([40, 40, 40]);
});

test('an answer weighs three tenths, and what is known fades into the mean of all with a time constant of five seconds', () => {
  const { means, a, b } = two();
  a.answered({ startedAt: -10 }, 0);
  a.answered({ startedAt: 100 - 20 }, 100);
  expect(read(a, 100).serviceMs).toBeCloseTo(13);
  b.answered({ startedAt: 100 - 90 }, 100);
  const mean = means.serviceMs.value;
  expect(mean).toBeCloseTo(51.5);
  expect(read(a, 5_100).serviceMs).toBeCloseTo(mean + (13 - mean) * Math.exp(-1), 2);
  // After so long it is forgotten, and as good as what is known of the others.
  expect(read(a, 60_000, 0).serviceMs).toBe(90);
  expect(means.serviceMs.value).toBe(90);
});

test('answers that come together weigh less: as much as passed of a tenth of a second, and at least a tenth', () => {
  const known = [0, 5, 10, 20, 30, 60, 1_000].map((apartMs) => {
    const { a } = two();
    a.answered({ startedAt: 0 }, 10);
    const now = 10 + apartMs;
    a.answered({ startedAt: now - 20 }, now);
    return read(a, now).serviceMs;
  });
  const weights = known.map((ms) => (ms - 10) / 10);
  for (const [i, weight] of [0.1, 0.1, 0.1, 0.2, 0.3, 0.3, 0.3].entries()) expect(weights[i]).toBeCloseTo(weight);
});

test('attempts that take much longer than usual say how long it takes, before they are answered', () => {
  const { a, b } = two();
  a.answered({ startedAt: 0 - 10 }, 0);
  b.answered({ startedAt: 0 - 10 }, 0);
  a.begin({ startedAt: 100 });
  a.begin({ startedAt: 110 });
  expect(read(a, 120, 2).serviceMs).toBeCloseTo(10);
  expect(read(a, 205, 2).serviceMs).toBeCloseTo(100);
  a.end({ startedAt: 100 });
  expect(read(a, 205, 1).serviceMs).toBeCloseTo(95);
  a.end({ startedAt: 110 });
  expect(read(a, 205, 0).serviceMs).toBeCloseTo(10);
});

test('one that is always slow is not taken to be faster while its attempts are still young', () => {
  const [slow, ...others] = loads(20).all;
  if (slow === undefined) throw new Error('there are twenty');
  slow.answered({ startedAt: -1_000 }, 0);
  for (const one of others) one.answered({ startedAt: -10 }, 0);
  slow.begin({ startedAt: 0 });
  // Far more than twice the mean of 60 ms, and far less than it takes.
  expect(read(slow, 200, 1).serviceMs).toBeGreaterThan(900);
});

test('an attempt that was given up far later than usual is taken to take twice as long, and is no failure', () => {
  const { a, b } = two();
  for (const one of [a, b]) one.answered({ startedAt: -10 }, 0);
  a.gaveUp({ startedAt: 5_000 - 20 }, 5_000);
  expect([read(a, 5_000).serviceMs, a.answeredAt]).toEqual([10, 0]);
  a.gaveUp({ startedAt: 5_000 - 100 }, 5_000);
  expect(read(a, 5_000).serviceMs).toBeCloseTo(10 + 0.3 * (200 - 10));
  expect([read(a, 5_000).failing, a.answeredAt, a.latencyMs]).toEqual([0, 0, 10]);
});

test('a failure weighs a fifth, a success takes as much away, and both are forgiven with a time constant of two seconds', () => {
  const { a } = two();
  a.failed(0);
  expect(read(a, 0).failing).toBeCloseTo(0.2);
  a.failed(0);
  expect(read(a, 0).failing).toBeCloseTo(0.36);
  expect(read(a, 2_000).failing).toBeCloseTo(0.36 * Math.exp(-1), 3);
  a.answered({ startedAt: 0 - 10 }, 0);
  expect(read(a, 0).failing).toBeCloseTo(0.288);
  expect(read(a, 100_000).failing).toBe(0);
});

test('a report counts the requests of everybody, fades into the slow average of the node, and that into the mean of all', () => {
  const { means, a, b } = two();
  a.answered({ startedAt: 0 - 50 }, 0);
  a.reported({ rif: 10, serviceMs: 5 }, 0);
  b.reported({ rif: 2, serviceMs: 5 }, 0);
  expect([read(a, 0, 1).rif, read(b, 0, 0).rif, means.rif.value]).toEqual([10, 2, 6]);
  a.reported({ rif: 30, serviceMs: 5 }, 0);
  expect(read(a, 0, 1).rif).toBe(30);
  expect(means.rif.value).toBeCloseTo(7);
  // Two mean latencies of 50 ms are one time constant: what is over the slow average of 12 is down to a third.
  expect(read(a, 100, 0).rif).toBeCloseTo(12 + 18 * Math.exp(-1), 0);
  expect(read(a, 100_000, 0).rif).toBe(2);
});

test('an own attempt since the report counts for one of each caller that there seems to be', () => {
  const { means, a, b } = two();
  a.reported({ rif: 8, serviceMs: 5 }, 0);
  b.reported({ rif: 12, serviceMs: 5 }, 0);
  a.begin({ startedAt: 0 });
  means.running = 4;
  // Of the twenty requests at all nodes four are its own: it is one of five callers.
  expect(read(a, 0, 1).rif).toBe(8 + 5);
  expect(read(b, 0, 0).rif).toBe(12);
  // More own ones than all nodes reported: no less than themselves.
  means.running = 40;
  expect(read(a, 0, 1).rif).toBe(8 + 1);
});

test('own attempts since the report are added, and never less than they are is believed', () => {
  const { means, a } = two();
  a.reported({ rif: 3, serviceMs: 5 }, 0);
  a.begin({ startedAt: 0 });
  a.begin({ startedAt: 0 });
  // One more that was on its way before: all three that the node has are of this process.
  means.running = 3;
  expect(read(a, 0, 2).rif).toBe(5);
  expect(read(a, 0, 0).rif).toBe(3);
  a.reported({ rif: 1, serviceMs: 5 }, 0);
  expect(read(a, 0, 2).rif).toBe(2);
});

test('one that does not report is not taken to be emptier than those that do', () => {
  const { a, b } = two();
  a.reported({ rif: 8, serviceMs: 5 }, 0);
  expect(read(b, 0, 1).rif).toBe(9);
});

test('one that should have less is presumed to have less', () => {
  const { a, b } = two();
  b.reported({ rif: 10, serviceMs: 1 }, 0);
  expect(read(a, 0, 1, 0.1).rif).toBe(2);
  a.reported({ rif: 2, serviceMs: 1 }, 0);
  a.answered({ startedAt: -10 }, 0);
  const mean = (10 + 2) / 2;
  expect(read(a, 5_000, 0, 0.1).rif).toBeCloseTo(0.1 * mean + (2 - 0.1 * mean) * Math.exp(-1), 1);
});

test('the time that a node reports counts in place of the measured one, for as long as it reports', () => {
  const { a } = two();
  a.answered({ startedAt: 0 - 80 }, 0);
  for (let i = 0; i < 80; i++) {
    a.reported({ rif: 1, serviceMs: 5 }, i);
    a.answered({ startedAt: i - 80 }, i);
  }
  expect([Math.round(read(a, 80, 0).serviceMs), a.latencyMs]).toEqual([5, 80]);
  for (let i = 0; i < 80; i++) a.answered({ startedAt: 20_000 + i - 80 }, 20_000 + i);
  expect(Math.round(read(a, 20_080, 0).serviceMs)).toBe(80);
});

test('what an answer took counts beside the report where it took far longer: the server did not see it wait', () => {
  const { a, b } = two();
  for (const one of [a, b]) {
    one.reported({ rif: 1, serviceMs: 10 }, 0);
    one.answered({ startedAt: -50 }, 0);
  }
  a.answered({ startedAt: -90 }, 0);
  expect(read(a, 0, 0).serviceMs).toBe(10);
  a.answered({ startedAt: 30 - 210 }, 30);
  expect(read(a, 30, 0).serviceMs).toBeCloseTo(70);
});

test('one that may not be better than the best so far is told without a closer look, and one that may be never is', () => {
  const { a, b } = two();
  const best = { score: 30, usual: 1 };
  a.running = 5;
  expect(a.mayBeat(best, 1)).toBe(true);
  a.answered({ startedAt: -10 }, 0);
  b.answered({ startedAt: -50 }, 0);
  a.running = 1;
  expect(a.mayBeat(best, 1)).toBe(false);
  a.running = 0;
  expect(a.mayBeat(best, 1)).toBe(true);
  expect(a.mayBeat(best, 3.5)).toBe(false);
  expect(a.mayBeat({ score: 30, usual: 2 }, 1)).toBe(false);
  // It fades into the mean of all, which is 30.
  expect(b.mayBeat({ score: 31, usual: 1 }, 1)).toBe(true);
  expect(b.mayBeat({ score: 30, usual: 1 }, 1)).toBe(false);
});

test('one that reported is told without a closer look by the least of what that may have become', () => {
  const { a, b } = two();
  a.reported({ rif: 5, serviceMs: 10 }, 0);
  b.reported({ rif: 9, serviceMs: 10 }, 0);
  // Ten milliseconds, and the square of one and of five at least.
  expect([350, 370].map((score) => a.mayBeat({ score, usual: 1 }, 1))).toEqual([false, true]);
  // That of `b` may have come down to the mean, which is seven.
  expect([630, 650].map((score) => b.mayBeat({ score, usual: 1 }, 1))).toEqual([false, true]);
  a.forget();
  expect(a.mayBeat({ score: 1, usual: 1 }, 1)).toBe(true);
});

test('whatever was heard of it, and whatever part it should have, one that is told without a closer look is no better', () => {
  const random = seededRandom(7);
  let told = 0;
  for (let round = 0; round < 200; round++) {
    const { all } = loads(3);
    let now = 0;
    for (let step = 0; step < 30; step++) {
      const one = all[Math.floor(random() * 3)];
      if (one === undefined) throw new Error('there are three');
      now += random() < 0.1 ? 20_000 * random() : 100 * random();
      const attempt = { startedAt: now };
      if (random() < 0.3) one.begin(attempt);
      if (random() < 0.3) one.answered({ startedAt: now - 100 * random() }, now);
      if (random() < 0.3) one.reported({ rif: Math.floor(20 * random()), serviceMs: 50 * random() }, now);
      if (random() < 0.05) one.forget();
      const best = { score: 10 ** (5 * random()), usual: 1 + random() };
      const may = one.mayBeat(best, 1.25);
      const portion = random() < 0.5 ? 1 : 0.1 + 0.9 * random();
      const { serviceMs, rif } = read(one, now, one.running, portion);
      const score = 1.25 * serviceMs * (best.usual + rif / portion) ** 2;
      if (may) continue;
      told++;
      expect(score).toBeGreaterThan(best.score * (1 - 1e-9));
    }
  }
  expect(told).toBeGreaterThan(1_000);
});

test('one that comes back is as good as any: what it took, reported and failed before is forgotten', () => {
  const { means, a, b } = two();
  a.answered({ startedAt: 0 - 4_000 }, 0);
  b.answered({ startedAt: 0 - 10 }, 0);
  a.reported({ rif: 50, serviceMs: 900 }, 0);
  b.reported({ rif: 2, serviceMs: 10 }, 0);
  a.failed(0);
  a.forget();
  expect(read(a, 0)).toMatchObject({ serviceMs: 10, rif: 2, failing: 0 });
  expect([means.serviceMs.count, means.rif.count]).toEqual([1, 1]);
  a.reported({ rif: 3, serviceMs: 12 }, 10);
  expect(read(a, 10)).toMatchObject({ serviceMs: 12, rif: 3 });
});

test('one that leaves no longer counts in the means', () => {
  const { means, a, b } = two();
  for (const [one, ms] of [
    [a, 10],
    [b, 30],
  ] as const) {
    one.answered({ startedAt: -ms }, 0);
    one.reported({ rif: ms, serviceMs: ms }, 0);
  }
  b.leave();
  expect([means.latencyMs.value, means.rif.value]).toEqual([10, 10]);
  expect(means.serviceMs.value).toBeCloseTo(10);
  a.leave();
  expect([means.latencyMs.value, means.serviceMs.count, means.rif.count]).toEqual([Number.NaN, 0, 0]);
});

test('a table grows with the nodes that are called, and the place of one that left is given to another', () => {
  const { means, all } = loads(100);
  for (const [i, one] of all.entries()) one.answered({ startedAt: -i - 1 }, 0);
  expect(all.map(({ latencyMs }) => latencyMs)).toEqual(all.map((_, i) => i + 1));
  const size = means.table.numbers.length;
  for (const one of all) {
    one.failed(0);
    one.leave();
    one.answered({ startedAt: -7 }, 0);
  }
  const others = Array.from({ length: 100 }, () => new Load(means));
  for (const one of others) one.answered({ startedAt: -5 }, 0);
  expect(others.map((one) => [one.latencyMs, read(one, 0).failing])).toEqual(others.map(() => [5, 0]));
  expect([means.table.numbers.length, means.latencyMs.count, means.latencyMs.value]).toEqual([size, 100, 5]);
});
