import { expect, test } from 'vitest';
import { failed, type Verdict, verdictOfStatus } from '../../src/core/verdict.ts';

const statusesOf = (verdict: Verdict) => {
  const statuses: number[] = [];
  for (let status = 200; status < 600; status++) if (verdictOfStatus(status) === verdict) statuses.push(status);
  return statuses;
};

test('a refusal or a passing state may be sent again, and nothing else', () => {
  expect(statusesOf('retryable')).toEqual([421, 429, 502, 503, 504]);
});

test('every other 5xx is a failure', () => {
  const others = Array.from({ length: 100 }, (_, i) => 500 + i).filter((status) => ![502, 503, 504].includes(status));
  expect(statusesOf('failure')).toEqual(others);
});

test('all else proves that the server is well, a 404 too', () => {
  for (const status of [200, 201, 204, 301, 304, 400, 401, 403, 404, 409, 410, 422, 451, 499])
    expect(verdictOfStatus(status)).toBe('success');
  expect(statusesOf('ignorable')).toEqual([]);
});

test('a failure and a retryable outcome speak against the endpoint', () => {
  expect(failed('failure')).toBe(true);
  expect(failed('retryable')).toBe(true);
  expect(failed('success')).toBe(false);
  expect(failed('ignorable')).toBe(false);
  expect(failed(undefined)).toBe(false);
});
