import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { retryAfterMs } from '../../src/filters/retry-after.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

test.each([
  ['1', 1_000],
  ['0', 0],
  [' 5 ', 5_000],
  ['6', 'too-long'],
  ['99999999999', 'too-long'],
  ['Thu, 01 Jan 2026 12:00:03 GMT', 3_000],
  ['Thu, 01 Jan 2026 12:00:00 GMT', 0],
  ['Thu, 01 Jan 2026 12:00:05 GMT', 5_000],
  ['Thu, 01 Jan 2026 12:00:06 GMT', 'too-long'],
  ['Thu, 01 Jan 2026 13:00:00 GMT', 'too-long'],
  ['Thu, 01 Jan 2026 11:00:00 GMT', undefined],
  ['-1', undefined],
  ['1e99', undefined],
  ['NaN', undefined],
  ['Infinity', undefined],
  ['+1', undefined],
  ['1.5', undefined],
  ['5s', undefined],
  ['0x5', undefined],
  // What JavaScript takes for dates, and HTTP does not.
  ['2099.5', undefined],
  ['2026-01-01T12:00:03Z', undefined],
  [`Thu, 01 Jan 2026 12:00:03 GMT (${'x'.repeat(64)})`, undefined],
  ['soon', undefined],
  ['', undefined],
  [undefined, undefined],
] as const)('F74: Retry-After %j asks for %j', (header, asked) => {
  expect(retryAfterMs(header, NOW)).toBe(asked);
});

test('F74: no header throws, or asks for more than five seconds without saying so', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const asked = retryAfterMs(header, NOW);
      return asked === undefined || asked === 'too-long' || (asked >= 0 && asked <= 5_000);
    }),
  );
});
