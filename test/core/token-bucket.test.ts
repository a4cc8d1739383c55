import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/core/token-bucket.ts';

const taken = (bucket: TokenBucket, now: number, tries = 100) => {
  let count = 0;
  for (let i = 0; i < tries; i++) if (bucket.take(now)) count++;
  return count;
};

test('it lets a burst through at once, and nothing more', () => {
  expect(taken(new TokenBucket(10, 5, 1_000), 1_000)).toBe(5);
});

test('it fills again with time, up to the burst and no further', () => {
  const bucket = new TokenBucket(10, 5, 0);
  expect(taken(bucket, 0)).toBe(5);
  expect(taken(bucket, 99)).toBe(0);
  expect(taken(bucket, 100)).toBe(1);
  expect(taken(bucket, 400)).toBe(3);
  expect(taken(bucket, 3_600_000)).toBe(5);
});

test('whoever asks however often, no span gets more than the burst and the rate of the span', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.nat(200), { maxLength: 200 }),
      (perSecond, burst, waits) => {
        const bucket = new TokenBucket(perSecond, burst, 0);
        let now = 0;
        let count = 0;
        for (const waitMs of waits) {
          now += waitMs;
          count += taken(bucket, now, 3);
        }
        expect(count).toBeLessThanOrEqual(burst + (now * perSecond) / 1_000 + 1e-6);
      },
    ),
  );
});

test('it is used up in full when demand is higher than the rate', () => {
  const bucket = new TokenBucket(10, 1, 0);
  let count = 0;
  for (let now = 0; now <= 60_000; now += 7) count += taken(bucket, now, 2);
  expect(count).toBeGreaterThan(570);
  expect(count).toBeLessThanOrEqual(601);
});
