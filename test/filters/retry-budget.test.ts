import { expect, test } from 'vitest';
import { RetryBudget } from '../../src/filters/retry-budget.ts';

test('a retry is there for each five calls, and not for less', () => {
  const budget = new RetryBudget(0.2, 0, 0);
  const granted = Array.from({ length: 10 }, () => {
    budget.deposit(0);
    return budget.withdraw(0);
  });
  expect(granted.flatMap((one, i) => (one ? [i + 1] : []))).toEqual([5, 10]);
});

test('what was taken is there again once it is ten seconds old, though nobody calls', () => {
  const budget = new RetryBudget(0, 0.1, 0);
  expect([0, 1, 8_000, 10_000, 10_001].map((now) => budget.withdraw(now))).toEqual([true, false, false, true, false]);
});
