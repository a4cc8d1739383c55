import { expect, test } from 'vitest';
import { p99, workers } from './workers.ts';

const MINUTE = 60_000;
const DEADLINE_MS = 1_000;
/** One whose callers come and go by chance is now and then idle at 1.1 times its capacity: a queue holds what there is for it. */
const queued = { queue: {} };

test.each([
  [1.1, 1],
  [2, 1],
  [3, 1],
  [10, 1],
  [1.1, 2],
  [2, 2],
  [3, 2],
  [1.1, 4],
  [3, 4],
  [1.1, 8],
  [2, 8],
  [3, 8],
  [10, 8],
  [1.1, 64],
  [2, 64],
  [3, 64],
])('F85: offered %s times the capacity of %s workers, 98 percent of it is answered in time', (times, count) => {
  // Less of a load comes by chance where many are at work.
  const forMs = count > 8 ? 15_000 : count > 1 ? MINUTE : 5 * MINUTE;
  const { offer, capacity } = workers({ count, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: queued });
  offer({ times: 0.5, forMs: 5_000 });
  offer({ times, forMs: 5_000 });
  const [tally] = offer({ times, forMs });
  expect((tally?.good ?? 0) / capacity(forMs)).toBeGreaterThan(0.98);
  expect(tally?.late).toBe(0);
  expect(p99(tally?.tookMs ?? [])).toBeLessThan(300);
});

test('F85: one worker is kept at work at 1.1 times its capacity where requests take longer, too', () => {
  const { offer, capacity } = workers({ count: 1, serviceMs: 40, deadlineMs: DEADLINE_MS, limit: queued });
  offer({ times: 0.5, forMs: 5_000 });
  offer({ times: 1.1, forMs: 10_000 });
  const [tally] = offer({ times: 1.1, forMs: 5 * MINUTE });
  expect((tally?.good ?? 0) / capacity(5 * MINUTE)).toBeGreaterThan(0.98);
  expect(p99(tally?.tookMs ?? [])).toBeLessThan(DEADLINE_MS);
});

test.each(['gradient2', 'vegas', 'aimd'] as const)(
  '%s finds a limit at which nobody is late and no worker idle',
  (algorithm) => {
    const limit = { algorithm, slowMs: 250 };
    const { offer, capacity } = workers({ count: 8, serviceMs: 10, deadlineMs: DEADLINE_MS, limit });
    offer({ times: 2, forMs: 5_000 });
    const [tally] = offer({ times: 2, forMs: MINUTE });
    expect((tally?.good ?? 0) / capacity(MINUTE)).toBeGreaterThan(0.98);
    expect(p99(tally?.tookMs ?? [])).toBeLessThan(300);
  },
);

test('without a limit nobody is answered in time', () => {
  const { offer } = workers({ count: 8, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: false });
  offer({ times: 2, forMs: 5_000 });
  const [tally] = offer({ times: 2, forMs: 10_000 });
  expect(tally?.good).toBe(0);
});

test('within five seconds after the load ends all is as before it', () => {
  const { offer } = workers({ count: 8, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: queued });
  const [before] = offer({ times: 0.7, forMs: MINUTE });
  offer({ times: 3, forMs: MINUTE });
  offer({ times: 0.7, forMs: 5_000 });
  const [after] = offer({ times: 0.7, forMs: MINUTE });
  expect(after?.refused).toBe(0);
  expect(p99(after?.tookMs ?? [])).toBeLessThan(1.2 * p99(before?.tookMs ?? []));
});

test('F85: an overload that lasts for an hour does not become normal', () => {
  const { offer, metrics } = workers({ count: 8, serviceMs: 100, deadlineMs: DEADLINE_MS, limit: {} });
  offer({ times: 2, forMs: 60 * MINUTE });
  const [tally] = offer({ times: 2, forMs: MINUTE });
  expect(metrics.value('inbound_limit')).toBeLessThan(40);
  expect(p99(tally?.tookMs ?? [])).toBeLessThan(DEADLINE_MS);
});

test('F85: a service that became three times slower for good is used to the full again', () => {
  const server = { count: 64, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: queued };
  const { offer, capacity } = workers(server);
  offer({ times: 2, forMs: 10_000 });
  server.serviceMs = 30;
  offer({ times: 2, forMs: MINUTE });
  const [tally] = offer({ times: 2, forMs: MINUTE });
  expect((tally?.good ?? 0) / capacity(MINUTE)).toBeGreaterThan(0.97);
});

test('F85: requests that take long tell what they take when it is idle, and the limit is found', () => {
  const { offer, capacity } = workers({ count: 64, serviceMs: 250, deadlineMs: 5_000, limit: queued });
  offer({ times: 0.5, forMs: 5_000 });
  offer({ times: 2, forMs: 30_000 });
  const [tally] = offer({ times: 2, forMs: 5 * MINUTE });
  expect((tally?.good ?? 0) / capacity(5 * MINUTE)).toBeGreaterThan(0.97);
});

test('who comes at a moderate load is not refused, however long that lasts', () => {
  const { offer } = workers({ count: 64, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: { initial: 100 } });
  const [tally] = offer({ times: 0.5, forMs: 5 * MINUTE });
  expect(tally?.refused).toBe(0);
});

test.each([{}, { queue: {} }, { queue: { lifo: true } }])(
  'the least important are refused first, the most important last (%o)',
  (limit) => {
    const { offer } = workers({ count: 16, serviceMs: 10, deadlineMs: DEADLINE_MS, limit });
    const loads = (forMs: number) =>
      [
        { times: 0.4, forMs, priority: 'critical' },
        { times: 1, forMs, priority: 'default' },
        { times: 1, forMs, priority: 'sheddable' },
      ] as const;
    offer(...loads(5_000));
    const shares = offer(...loads(MINUTE)).map(({ refused, offered }) => refused / offered);
    expect(shares[0]).toBeLessThan(0.02);
    expect(shares[1]).toBeGreaterThan(0.3);
    expect(shares[1]).toBeLessThan(0.5);
    expect(shares[2]).toBeGreaterThan(0.95);
  },
);

test('F85: those that end first, which are the short ones, are not taken for all', () => {
  const { offer, capacity } = workers({ count: 64, serviceMs: 10, deadlineMs: DEADLINE_MS, limit: {} });
  offer({ times: 2, forMs: 5_000 });
  const [tally] = offer({ times: 2, forMs: 90_000 });
  expect((tally?.good ?? 0) / capacity(90_000)).toBeGreaterThan(0.98);
});
